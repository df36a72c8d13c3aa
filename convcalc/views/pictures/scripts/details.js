"use strict";
/* The layer or block that is selected: what it is, what goes in and out, what it costs, and where that comes from. */
(function () {
  const { make } = convcalc;
  const LABELS = {
    params: "params",
    macs: "MACs",
    elementwise_ops: "element-wise ops",
    flops: "FLOPs",
    input_bytes: "bytes read",
    weight_bytes: "weights",
    output_bytes: "bytes written",
    bytes_moved: "bytes moved",
  };
  const COUNTED = new Set(["params", "macs", "elementwise_ops", "flops"]);

  /** 12.5 %, as the table of a report has it. */
  function share(part, total) {
    if (!Number(part) || !Number(total)) return "";
    const percent = (100 * Number(part)) / Number(total);
    return percent >= 0.1 ? `${percent.toFixed(1)} %` : "<0.1 %";
  }

  /** A cost in words: "?" where it is known of none of the layers, "≥ 4,096" where not of all of them. */
  function amount(item, name, value) {
    const text = COUNTED.has(name) ? convcalc.exact(value) : convcalc.binary(value);
    if (name === "output_bytes" && item.shape === "?") return "?";
    if (!item.uncosted || name === "input_bytes" || name === "output_bytes") return text;
    return item.uncosted < (item.last ?? 1) - (item.first ?? 0) ? `≥ ${text}` : "?";
  }

  /** A row of the table of figures: what, how much, and how much of all. */
  function figure(label, value, of = "") {
    return make("tr", null, make("th", { scope: "row" }, label), make("td", null, value), make("td.share", null, of));
  }

  /** Every cost of a layer or block with its share in the network, its bound and what it sees. */
  function figures(network, item) {
    const rows = network.columns.map((name, place) => {
      const written = amount(item, name, item.costs[place]);
      return figure(LABELS[name], written, written === "?" ? "" : share(item.costs[place], sums(network)[place]));
    });
    if (item.field_text) rows.push(figure("field", item.field_text));
    if (item.bound_ps != null) {
      const waits = item.bound_by === "compute" ? "arithmetic" : "memory";
      rows.push(figure("bound of time", convcalc.duration(item.bound_ps), waits));
    }
    return make("table.costs", null, make("caption.unseen", null, "Costs, with the share in the network"),
      make("tbody", null, ...rows));
  }

  /** The sums of all costs over the layers, in the order of columns: exact, as there may be more than 2^53 of them. */
  function sums(network) {
    network.sums ??= network.columns.map((_, place) => {
      const sum = network.nodes.reduce((total, node) => total + BigInt(node.costs?.[place] ?? 0), 0n);
      return sum > BigInt(Number.MAX_SAFE_INTEGER) ? String(sum) : Number(sum);
    });
    return network.sums;
  }

  /** net.yaml:16, as editors and terminals understand it. */
  function place(network, item) {
    return item.line ? make("span.place", null, make("span.unseen", null, "in the spec at "),
      make("code", null, `${network.spec}:${item.line}`)) : null;
  }

  function heading(network, item) {
    const kind = [item.kind, item.summary].filter(Boolean).join(" ") + (item.times ? ` ×${item.times}` : "");
    return [make("h3", null, item.name), make("p.kind", null, make("span", null, kind), place(network, item))];
  }

  /** What enters and what leaves, with the layers that these come from and go to. */
  function flow(state, entering, leaving, shape) {
    const network = state.network;
    const row = (label, content) => make("div", null, make("dt", null, label), make("dd", null, ...content));
    const from = entering.map((index) => make("div", null, make("span.shape", null, network.nodes[index].shape),
      " from ", convcalc.chooser(state, `n${index}`, network.nodes[index].name)));
    const to = leaving.slice(0, MOST_READERS).map((index, at) => make("span", null, at ? ", " : "",
      convcalc.chooser(state, `n${index}`, network.nodes[index].name)));
    if (leaving.length > MOST_READERS) to.push(make("span", null, ` and ${leaving.length - MOST_READERS} more`));
    const rows = from.length ? [row("in", from)] : [];
    rows.push(row("out", [make("span.shape", null, shape), ...(to.length ? [" to ", ...to] : [" leaves the network"])]));
    return make("dl.flow", null, ...rows);
  }
  const MOST_READERS = 8;

  /** The nodes that read each node, worked out once a network. */
  function readers(network) {
    if (!network.readers) {
      network.readers = network.nodes.map(() => []);
      network.nodes.forEach((node, index) => new Set(node.inputs).forEach((from) => network.readers[from].push(index)));
    }
    return network.readers;
  }

  function layer(state, index) {
    const network = state.network;
    const node = network.nodes[index];
    const costs = node.costs ? [figures(network, node)] : [];
    return [
      ...heading(network, node),
      ...(node.uncosted ? [make("p.remark", null, "What it costs is not known: sums that include it are lower bounds.")] : []),
      flow(state, node.inputs, readers(network)[index], node.shape),
      ...convcalc.findingsShown(state, `n${index}`),
      ...costs,
      ...(node.costs ? convcalc.formulas(network, index) : []),
    ];
  }

  /** What is directly inside a part, or outermost for -1: ids in the order they run. */
  function inside(network, part) {
    const own = network.parts.flatMap((item, index) => ((item.parent ?? -1) === part ? [[item.first, `p${index}`]] : []));
    const nodes = convcalc.parents(network).flatMap((parent, index) => (parent === part ? [[index, `n${index}`]] : []));
    return [...own, ...nodes.filter(([index]) => network.nodes[index].costs)].sort((a, b) => a[0] - b[0]).map(([, id]) => id);
  }

  /** The parts of a block with what they add. */
  function parts(state, ids, name) {
    const network = state.network;
    const macs = network.columns.indexOf("macs");
    const params = network.columns.indexOf("params");
    const rows = ids.map((id) => {
      const item = convcalc.item(network, id);
      return make("tr", null, make("th", { scope: "row" }, convcalc.chooser(state, id, inner(item.name, name))),
        make("td", null, item.kind + (item.times ? ` ×${item.times}` : "")),
        make("td.number", null, amount(item, "params", item.costs[params])),
        make("td.number", null, amount(item, "macs", item.costs[macs])));
    });
    const head = ["part", "kind", "params", "MACs"].map((text, at) =>
      make(at > 1 ? "th.number" : "th", { scope: "col" }, text));
    return [make("h4", null, "Parts"), make("div.scroll", { tabindex: "0", role: "region", "aria-label": "Parts" },
      make("table.inside", null, make("thead", null, make("tr", null, ...head)), make("tbody", null, ...rows)))];
  }

  /** The name of a part within what it is in: conv1 for layer1.0.conv1 in layer1.0. */
  function inner(name, around) {
    return around && name.startsWith(`${around}.`) ? name.slice(around.length + 1) : name;
  }

  function block(state, index) {
    const network = state.network;
    const part = network.parts[index];
    const within = (node) => node >= part.first && node < part.last;
    const nodes = network.nodes.slice(part.first, part.last);
    const entering = [...new Set(nodes.flatMap((node) => node.inputs))].filter((node) => !within(node));
    const all = readers(network).slice(part.first, part.last).flat();
    const leaving = [...new Set(all)].filter((node) => !within(node));
    return [
      ...heading(network, part),
      ...(part.uncosted ? [make("p.remark", null, `What ${part.uncosted} of its layers cost is not known.`)] : []),
      flow(state, entering, leaving, part.shape),
      ...convcalc.findingsShown(state, `p${index}`),
      figures(network, part),
      ...parts(state, inside(network, index), part.name),
    ];
  }

  /** The network, where nothing is selected. */
  function everything(state) {
    const network = state.network;
    const layers = network.nodes.filter((node) => node.costs).length;
    const count = `${convcalc.exact(layers)} layer${layers === 1 ? "" : "s"}`;
    if (!layers) return [make("h3", null, network.name), make("p.remark", null, "This network has no layers.")];
    const uncosted = network.nodes.reduce((sum, node) => sum + (node.uncosted ?? 0), 0);
    return [
      make("h3", null, network.name),
      make("p.remark", null, `The network: ${count}. Choose a layer or block in the graph or the table to see it here.`),
      figures(network, { first: 0, last: layers, costs: sums(network), uncosted }),
    ];
  }

  function content(state) {
    const id = state.selected;
    if (id === null) return everything(state);
    return id[0] === "n" ? layer(state, Number(id.slice(1))) : block(state, Number(id.slice(1)));
  }

  convcalc.slots.details = function (element, state) {
    const head = make("div", { "aria-live": "polite", "aria-atomic": "true" });
    const body = make("div");
    element.append(make("div.details", null, head, body));
    const show = () => {
      const [name, kind, ...others] = content(state);
      head.replaceChildren(name, kind); // the rest is not read out at every step
      body.replaceChildren(...others);
      element.closest(".aside")?.scrollTo(0, 0);
    };
    state.subscribe((what) => what === "selected" && show());
    show();
  };
})();
