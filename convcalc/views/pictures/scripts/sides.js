"use strict";
/* Two networks side by side: what is chosen or opened on one side is so on the other, what differs is marked on both.
   Of several networks that stand against the first, one is shown at a time. */

/** What a mark is called and what stands for it, so that colour is never all that says it. */
convcalc.MARKS = {
  edited: { sign: "~", hint: "says otherwise than before" },
  added: { sign: "+", hint: "only in the second network" },
  removed: { sign: "−", hint: "only in the first network" },
  affected: { sign: "≈", hint: "changed because something before it changed" },
  converted: { sign: "=", hint: "changed by conversion alone" },
  same: { sign: "", hint: "the same in both" },
};

/**
 * Which layer or block is which on the other side, and what became of it: {marks: [Map, Map], peers: [Map, Map]} for
 * the base and the head, by id. `rows` are those of a head (see sides.py). What is the same has no mark.
 */
convcalc.pairing = function (base, head, rows) {
  const networks = [base, head];
  const marks = [new Map(), new Map()];
  const peers = [new Map(), new Map()];
  const inside = (side, id) => {
    if (id[0] === "n") return [id];
    const { first, last } = convcalc.item(networks[side], id);
    return [id, ...Array.from({ length: last - first }, (_, place) => `n${first + place}`)];
  };
  for (const row of rows) {
    const ids = [row.base ?? [], row.head ?? []].map((own, side) => own.flatMap((id) => inside(side, id)));
    ids.forEach((own, side) => {
      const [other] = ids[1 - side];
      for (const id of own) {
        if (row.mark !== "same") marks[side].set(id, row.mark);
        if (other) peers[side].set(id, other);
      }
    });
  }
  pairBlocks(networks, peers);
  networks.forEach((network, side) => markBlocks(network, marks[side]));
  return { marks, peers };

  /** A block is that of its name, or else the one around what its layers are on the other side, if that is mutual. */
  function pairBlocks(networks, peers) {
    const named = networks.map((network) => new Map(network.parts.map((part, place) => [part.name, place])));
    const around = networks.map((network, side) => network.parts.map((part) => partAround(networks, peers, side, part)));
    networks.forEach((network, side) =>
      network.parts.forEach((part, place) => {
        if (peers[side].has(`p${place}`)) return;
        const guess = around[side][place];
        const mutual = guess !== -1 && around[1 - side][guess] === place ? guess : undefined;
        const other = named[1 - side].get(part.name) ?? mutual;
        if (other === undefined) return;
        peers[side].set(`p${place}`, `p${other}`);
        if (!peers[1 - side].has(`p${other}`)) peers[1 - side].set(`p${other}`, `p${place}`);
      }),
    );
  }

  /** The innermost part of the other network with all that the layers of a part are there; -1 where there is none. */
  function partAround(networks, peers, side, part) {
    const other = networks[1 - side];
    let [first, last] = [Infinity, -1];
    for (let place = part.first; place < part.last; place++) {
      const id = peers[side].get(`n${place}`);
      if (!id) continue;
      const item = convcalc.item(other, id);
      first = Math.min(first, id[0] === "p" ? item.first : Number(id.slice(1)));
      last = Math.max(last, id[0] === "p" ? item.last : Number(id.slice(1)) + 1);
    }
    if (last === -1) return -1;
    let at = convcalc.parents(other)[first];
    while (at !== -1 && other.parts[at].last < last) at = other.parts[at].parent ?? -1;
    return at;
  }

  /** A block is what all in it is: added, removed; or else edited where anything in it was, by itself. */
  function markBlocks(network, marks) {
    network.parts.forEach((part, place) => {
      if (marks.has(`p${place}`)) return;
      const kinds = new Set();
      for (let node = part.first; node < part.last; node++) kinds.add(marks.get(`n${node}`) ?? "same");
      if (kinds.size === 1) {
        const [mark] = kinds;
        if (mark !== "same") marks.set(`p${place}`, mark);
      } else if (["edited", "added", "removed"].some((mark) => kinds.has(mark))) marks.set(`p${place}`, "edited");
      else marks.set(`p${place}`, kinds.has("affected") ? "affected" : "converted");
    });
  }
};

(function () {
  /** A number of a page, which is a text where it is too large for one: exact to compute with. */
  const big = (number) => BigInt(number);

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /** A difference with its sign and all digits; empty for none. */
  function signed(number, write = convcalc.exact) {
    const size = big(number);
    if (size === 0n) return "";
    return `${size > 0n ? "+" : "−"}${write(String(size < 0n ? -size : size))}`;
  }

  /** In percent, with one decimal; nothing where there is nothing to compare with. */
  function percent([before, after]) {
    const [first, second] = [big(before), big(after)];
    if (first === 0n || first === second) return "";
    const size = Number(((second - first) * 100000n) / first) / 1000;
    if (Math.abs(size) < 0.05) return `${second > first ? "+" : "−"}<0.1 %`;
    return `${size > 0 ? "+" : "−"}${convcalc.exact(Math.abs(size).toFixed(1))} %`;
  }

  convcalc.signed = signed;
  convcalc.percentOf = percent;

  /** The word and the sign of a mark. */
  function badge(mark) {
    const made = element("span", "mark");
    made.dataset.mark = mark;
    const sign = element("span", "sign", convcalc.MARKS[mark].sign);
    sign.setAttribute("aria-hidden", "true");
    made.append(sign, element("span", "word", mark));
    made.title = convcalc.MARKS[mark].hint;
    return made;
  }

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
      if (isOther) other.tell("open");
    }
  }

  // ---- the table of what changed ----------------------------------------------------------------------------------

  /** What a table shows of a head: its rows, those that are the same filled up from the network itself. */
  function filled(network, rows) {
    return rows.map((row) => {
      if (row.mark !== "same") return row;
      const item = convcalc.item(network, row.base[0]);
      const kind = item.summary ? `${item.kind} ${item.summary}` : item.kind;
      const costs = item.costs.map((cost) => [cost, cost, 0]);
      return { ...row, name: item.name, kind, shape: item.shape, costs, field_text: item.field_text, uncosted: item.uncosted };
    });
  }

  /** The columns: of a cost, what it is now and how it changed. */
  function columnsOf(network) {
    const at = (name) => network.columns.indexOf(name);
    const amount = (name, title, write = convcalc.exact) => ({
      title,
      numeric: true,
      cell: (row) => (row.uncosted ? "?" : write(row.costs[at(name)][row.mark === "removed" ? 0 : 1])),
      key: (row) => (row.uncosted ? null : big(row.costs[at(name)][row.mark === "removed" ? 0 : 1])),
    });
    const change = (name, title, write = convcalc.exact) => ({
      title,
      numeric: true,
      hint: "Sorted by the size of the change, be it more or less",
      cell: (row) => difference(row, row.costs[at(name)], write),
      key: (row) => (row.uncosted ? null : size(row.costs[at(name)][2])),
    });
    const size = (number) => (big(number) < 0n ? -big(number) : big(number));
    const text = (title, of) => ({ title, cell: of, key: of });
    return [
      text("layer", (row) => row.name),
      { title: "change", cell: (row) => badge(row.mark), key: (row) => Object.keys(convcalc.MARKS).indexOf(row.mark) },
      text("kind", (row) => row.kind),
      text("output", (row) => row.shape),
      amount("params", "params"),
      change("params", "± params"),
      amount("macs", "MACs"),
      change("macs", "± MACs"),
      { ...change("macs", "± %"), cell: (row) => (row.uncosted ? "?" : percent(row.costs[at("macs")])), key: (row) => share(row.costs[at("macs")]) },
      change("bytes_moved", "± bytes moved", convcalc.binary),
      text("field", (row) => row.field_text ?? ""),
      text("why", (row) => row.why ?? ""),
    ];
  }

  const share = ([before, after]) => {
    if (big(before) === 0n) return big(after) === 0n ? 0 : null;
    return Math.abs(Number(after) - Number(before)) / Number(before);
  };

  function difference(row, [before, after, more], write) {
    if (row.uncosted) return "?";
    if (big(more) === 0n) return "";
    const made = element("span", big(more) > 0n ? "more" : "less", signed(more, write));
    made.title = `${write(before)} → ${write(after)}`;
    return made;
  }

  /** The choices of what is shown, with how many rows each has; what changed is the first. */
  function filters(rows) {
    const count = (mark) => rows.filter((row) => row.mark === mark).length;
    const marks = Object.keys(convcalc.MARKS).map((mark) => [mark, (row) => row.mark === mark, count(mark)]);
    const changed = ["what changed", (row) => row.mark !== "same", rows.length - count("same")];
    const several = marks.filter(([mark, , many]) => mark !== "same" && many);
    return [changed, ...(several.length > 1 ? several : []), ["all layers", () => true, rows.length]];
  }

  class Changes {
    constructor(link, head) {
      this.link = link;
      this.rows = filled(link.states[0].network, head.rows);
      this.rowOf = [new Map(), new Map()];
      this.rows.forEach((row, place) => {
        for (const [side, ids] of [row.base, row.head].entries()) {
          for (const id of ids ?? []) for (const own of this._within(side, id)) this.rowOf[side].set(own, place);
        }
      });
      const choices = filters(this.rows);
      this.shows = choices[0][1];
      this.element = element("div", "changes");
      this.table = this._table(head);
      this.empty = element("p", "hint");
      this.element.append(this._bar(choices, head), this.empty, this.table.element);
      this._say();
      link.states.forEach((state, side) => state.subscribe((what) => this._select(side, what)));
    }

    _within(side, id) {
      if (id[0] === "n") return [id];
      const { first, last } = convcalc.item(this.link.states[side].network, id);
      return [id, ...Array.from({ length: last - first }, (_, place) => `n${first + place}`)];
    }

    _table(head) {
      const { rows } = this;
      const columns = columnsOf(this.link.states[0].network);
      return convcalc.rows({
        columns,
        count: rows.length,
        caption: `Layers of both networks: what becomes of them with ${head.label}`,
        cell: (row, column) => columns[column].cell(rows[row]),
        key: (row, column) => columns[column].key(rows[row]),
        text: (row) => `${rows[row].name}\n${rows[row].kind}\n${rows[row].shape}\n${rows[row].mark}\n${rows[row].why ?? ""}`,
        selected: (row) => this._choose(rows[row]),
        decorate: (line, row) => (line.dataset.mark = rows[row].mark),
        arrange: (key, descending, matches) => this._arranged(key, descending, matches),
        changed: () => this._say(),
      });
    }

    _arranged(key, descending, matches) {
      let places = this.rows.map((_, place) => place).filter((place) => this.shows(this.rows[place]));
      if (matches) places = places.filter(matches);
      return key ? convcalc.ordered(places, key, descending) : places;
    }

    /** What is shown, by what became of it, and where to search. */
    _bar(choices, head) {
      const bar = element("div", "bar");
      const group = bar.appendChild(element("fieldset", "filter"));
      group.append(element("legend", "unseen", "Which layers are shown"));
      choices.forEach(([text, shows, count], place) => {
        const label = group.appendChild(element("label"));
        const input = label.appendChild(document.createElement("input"));
        Object.assign(input, { type: "radio", name: `shown-${head.network}`, checked: place === 0 });
        const mark = convcalc.MARKS[text];
        label.append(mark ? badge(text) : text, element("span", "count", convcalc.exact(count)));
        input.addEventListener("change", () => {
          this.shows = shows;
          this.table.refresh();
        });
      });
      const search = bar.appendChild(document.createElement("input"));
      Object.assign(search, { type: "search", placeholder: "Search layers" });
      search.setAttribute("aria-label", "Search the layers of both networks");
      search.addEventListener("input", () => this.table.search(search.value));
      this.count = bar.appendChild(element("output", "hint"));
      return bar;
    }

    _say() {
      if (!this.table) return;
      const { shown } = this.table;
      this.count.textContent = `${convcalc.exact(shown.length)} of ${convcalc.exact(this.rows.length)} layers`;
      const isSame = this.rows.every((row) => row.mark === "same");
      this.empty.textContent = isSame ? "No layer differs." : "No such layer.";
      this.empty.hidden = shown.length > 0;
      this.table.element.hidden = shown.length === 0;
    }

    _choose(row) {
      const [base, head] = this.link.states;
      if (row.head) head.select(row.head[0]);
      else base.select(row.base[0]);
    }

    /** Mark the row of what is chosen on a side. */
    _select(side, what) {
      if (what !== "selected" || !this.link.isActive) return;
      const row = this.rowOf[side].get(this.link.states[side].selected);
      if (row !== undefined && row !== this.table.selected) this.table.select(row);
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
        drawn.querySelector(":scope > .mark")?.remove();
        if (own && drawn.namespaceURI === SVG) drawn.append(flag(drawn, own));
      }
    };
    new MutationObserver(mark).observe(section, { childList: true, subtree: true });
    state.subscribe((what) => what === "marks" && mark());
    mark();
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
    sign.textContent = convcalc.MARKS[mark].sign;
    const title = made.appendChild(document.createElementNS(SVG, "title"));
    title.textContent = `${mark}: ${convcalc.MARKS[mark].hint}`;
    return made;
  }

  // ---- which network stands on the right ----------------------------------------------------------------------------

  class Page {
    constructor(data) {
      this.heads = data.sides.heads;
      this.links = new Array(this.heads.length);
      this.tables = new Array(this.heads.length);
      this.changes = document.querySelector("[data-changes]");
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
      this.links[place] ??= new Link(...states, head.rows);
      document.querySelectorAll("[data-head]").forEach((part) => (part.hidden = Number(part.dataset.head) !== place));
      document.querySelectorAll("[data-network]:not([hidden])").forEach(convcalc.mount);
      this.links[place].activate();
      this.tables[place] ??= new Changes(this.links[place], head);
      this.changes.replaceChildren(this.tables[place].element);
      if (this.select) this.select.value = String(place);
    }
  }

  /** Called by the page once there are states, before anything is drawn. */
  convcalc.prepare = function (data) {
    if (!data.sides?.heads.length) return;
    new Page(data).choose(0);
  };
})();
