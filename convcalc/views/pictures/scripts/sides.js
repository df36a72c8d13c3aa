"use strict";
/* Two networks side by side: what is chosen or opened on one side is so on the other, what differs is marked on both.
   Of several networks that stand against the first, one is shown at a time. */
(function () {
  /** What a mark means and what stands for it, so that colour is never all that says it: {edited: {sign, hint}}. */
  convcalc.marks = {};

  /** Two states that follow each other: what is chosen, what is open, what is coloured by. */
  class Link {
    constructor(base, head, rows) {
      this.states = [base, head];
      Object.assign(this, convcalc.pairing(base.network, head.network, rows));
      this.isActive = false;
      this.isFollowing = false;
      this.states.forEach((state, side) => state.subscribe((what) => this._follow(side, what)));
    }

    /** From now on these two are side by side. */
    activate() {
      this.isActive = true;
      this.states.forEach((state, side) => {
        state.marks = this.marks[side];
        state.peer = this.states[1 - side];
      });
      for (const what of ["mode", "open", "selected"]) this._follow(0, what);
      for (const state of this.states) state.tell("marks");
    }

    deactivate() {
      this.isActive = false;
      this.states[1].peer = null;
    }

    _follow(side, what) {
      if (!this.isActive || this.isFollowing) return;
      this.isFollowing = true;
      const [state, other] = [this.states[side], this.states[1 - side]];
      if (what === "selected") other.select(this.peers[side].get(state.selected) ?? null);
      if (what === "mode" && other.mode !== state.mode) other.colour(state.mode);
      if (what === "open") this._open(side);
      this.isFollowing = false;
    }

    /** Open and close the blocks that are the same as those on a side. */
    _open(side) {
      const [state, other] = [this.states[side], this.states[1 - side]];
      let isOther = false;
      for (const [id, peer] of this.peers[side]) {
        if (id[0] !== "p" || peer[0] !== "p") continue;
        const [own, its] = [Number(id.slice(1)), Number(peer.slice(1))];
        if (state.open.has(own) === other.open.has(its)) continue;
        if (state.open.has(own)) other.open.add(its);
        else other.open.delete(its);
        isOther = true;
      }
      other.tell(isOther ? "open" : "marks"); // the scale of the colours is that of both
    }
  }

  /** Draw the charts of both sides on the same axes, so that lengths and heights compare. */
  function shareAxes(states, axes) {
    for (const state of states) {
      for (const chart of state.network.charts ?? []) {
        for (const [axis, reach] of Object.entries(axes[chart.id] ?? {})) Object.assign(chart.option[axis], reach);
      }
      state.tell("axes");
    }
  }

  // ---- marks in what others draw ------------------------------------------------------------------------------------

  /** Put the marks to whatever on a side has an id, now and when it is drawn anew. */
  function markDrawn(section, state) {
    const mark = () => {
      for (const drawn of section.querySelectorAll("[data-id]")) {
        const own = state.marks.get(drawn.dataset.id) ?? "";
        if ((drawn.dataset.mark ?? "") === own) continue;
        drawn.dataset.mark = own;
        tellMark(drawn, own);
        drawn.querySelector(":scope > .mark")?.remove();
        if (own && drawn.namespaceURI === SVG) drawn.append(flag(drawn, own));
      }
    };
    new MutationObserver(mark).observe(section, { childList: true, subtree: true });
    state.subscribe((what) => what === "marks" && mark());
    mark();
  }

  /** Whoever cannot see the sign hears the word. */
  function tellMark(drawn, mark) {
    const label = (drawn.dataset.label ??= drawn.getAttribute("aria-label") ?? "");
    if (label) drawn.setAttribute("aria-label", mark ? `${label}, ${mark}` : label);
  }

  const SVG = "http://www.w3.org/2000/svg";

  /** The sign of a mark at the upper right corner of a node. */
  function flag(node, mark) {
    const width = Number(node.querySelector("rect:last-of-type, rect")?.getAttribute("width") ?? 0);
    const made = document.createElementNS(SVG, "g");
    made.setAttribute("class", "mark");
    made.setAttribute("transform", `translate(${width - 4} 0)`);
    const round = made.appendChild(document.createElementNS(SVG, "circle"));
    round.setAttribute("r", "8");
    const sign = made.appendChild(document.createElementNS(SVG, "text"));
    sign.setAttribute("text-anchor", "middle");
    sign.setAttribute("dy", "4");
    sign.textContent = convcalc.marks[mark].sign;
    const title = made.appendChild(document.createElementNS(SVG, "title"));
    title.textContent = `${mark}: ${convcalc.marks[mark].hint}`;
    return made;
  }

  // ---- which network stands on the right ----------------------------------------------------------------------------

  class Page {
    constructor(data) {
      this.heads = data.sides.heads;
      this.links = new Array(this.heads.length);
      this.tables = new Array(this.heads.length);
      this.changes = document.querySelector("[data-changes]");
      this.difference = document.querySelector("[data-difference]");
      this.select = document.getElementById("head");
      this.select?.addEventListener("change", () => this.choose(Number(this.select.value)));
      document.querySelectorAll("[data-network]").forEach((section) => {
        markDrawn(section, convcalc.states[Number(section.dataset.network)]);
      });
    }

    /** Put a head beside the base. */
    choose(place) {
      const head = this.heads[place];
      this.links.forEach((link) => link.deactivate());
      const states = [convcalc.states[0], convcalc.states[head.network]];
      this.at = place;
      this.links[place] ??= this._link(states, head);
      shareAxes(states, head.axes);
      document.querySelectorAll("[data-head]").forEach((part) => (part.hidden = Number(part.dataset.head) !== place));
      document.querySelectorAll("[data-network]:not([hidden])").forEach(convcalc.mount);
      this.links[place].activate();
      this.tables[place] ??= new convcalc.Changes(this.links[place], head);
      this.changes.replaceChildren(this.tables[place].element);
      this._tellDifference();
      if (this.select) this.select.value = String(place);
    }

    _link(states, head) {
      const link = new Link(...states, head.rows);
      for (const state of states) state.subscribe((what) => what === "selected" && this._tellDifference());
      return link;
    }

    /** What is selected, and how it differs; once both sides have it. */
    _tellDifference() {
      const link = this.links[this.at];
      if (link.isFollowing) return;
      const labels = [this.difference.dataset.difference, this.heads[this.at].label];
      this.difference.replaceChildren(convcalc.differences.selected(link.states, labels));
    }
  }

  /** Called by the page once there are states, before anything is drawn. */
  convcalc.prepare = function (data) {
    convcalc.marks = Object.fromEntries(data.sides.marks.map(({ mark, ...rest }) => [mark, rest]));
    const { heads } = data.sides;
    const differs = (head) => head.rows.some((row) => row.mark !== "same");
    new Page(data).choose(Math.max(0, heads.findIndex(differs)));
  };
})();
