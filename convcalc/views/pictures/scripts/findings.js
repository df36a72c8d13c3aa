"use strict";
/* What lint finds in a network: the list of a page, and the findings of the layer that is selected. */
(function () {
  const { make } = convcalc;
  const SHOWN = 4; // of a rule

  /** The severity as a word, the rule, what it says and what helps; below that where it is, if `state` can go there. */
  function item(finding, network, state) {
    const where = state ? finding.at.map((id) => convcalc.chooser(state, id, convcalc.item(network, id).name)) : [];
    return make("li.finding", { "data-severity": finding.severity },
      make("div.rule", null, make("span.severity", null, finding.severity), " ",
        make("code", null, finding.code), ` ${finding.rule}`,
        finding.line ? make("span.place", null, ` line ${finding.line}`) : null),
      make("p", null, finding.message),
      finding.help ? make("p.help", null, finding.help) : null,
      where.length ? make("p.where", null, ...where) : null);
  }

  /** Those at a layer or block, or at a layer inside of a block, under a heading; nothing where there are none. */
  convcalc.findingsShown = function (state, id) {
    const here = convcalc.findingsAt(state.network, id);
    if (!here.length) return [];
    return [make("h4", null, "Findings"), make("ul.findings", null, ...here.map((finding) => item(finding, state.network, null)))];
  };

  /** The findings of each rule together, in the order in which rules come first. */
  function byRule(findings) {
    const rules = new Map();
    for (const finding of findings) {
      const name = `${finding.severity} ${finding.code}`;
      rules.set(name, [...(rules.get(name) ?? []), finding]);
    }
    return [...rules.values()];
  }

  /** A rule that many layers break is shown at a few, and the others where somebody asks for them. */
  function folded(alike, network, state) {
    const items = alike.map((finding) => item(finding, network, state));
    const rest = items.slice(SHOWN);
    if (rest.length < 2) return items;
    const summary = make("summary", null, `${rest.length} more of ${alike[0].code} ${alike[0].rule}`);
    return [...items.slice(0, SHOWN), make("li.more", null, make("details", null, summary, make("ul.findings", null, ...rest)))];
  }

  convcalc.slots.findings = function (element, state) {
    const network = state.network;
    const findings = convcalc.bySeverity(network.findings).flatMap(([, alike]) => alike);
    if (!findings.length) {
      element.append(make("p.remark", null, "convcalc lint finds nothing in this network."));
      return;
    }
    const list = make("ul.findings", null, ...byRule(findings).flatMap((alike) => folded(alike, network, state)));
    element.append(make("p.remark", null, `convcalc lint: ${convcalc.countedFindings(findings)}.`), list);
    state.subscribe((what) => {
      if (what !== "selected") return;
      for (const button of list.querySelectorAll(".chooser")) {
        if (button.dataset.id === state.selected) button.setAttribute("aria-current", "true");
        else button.removeAttribute("aria-current");
      }
    });
  };
})();
