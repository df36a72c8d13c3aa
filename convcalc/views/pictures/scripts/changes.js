"use strict";
/* The table of what becomes of each layer from one network to another: what changed, or all, sorted by how much. */
(function () {
  const { make } = convcalc;
  const { badge, big, percent, signed } = convcalc.differences;

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

  /** The columns: of a cost, what it is now and how it changed; why it changed, where that is known of any row. */
  function columnsOf(network, rows) {
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
      { ...text("layer", (row) => row.name), cell: (row) => named(row.name) },
      { title: "change", cell: (row) => badge(row.mark), key: (row) => Object.keys(convcalc.marks).indexOf(row.mark) },
      text("kind", (row) => row.kind),
      text("output", (row) => row.shape),
      amount("params", "params"),
      change("params", "± params"),
      amount("macs", "MACs"),
      change("macs", "± MACs"),
      { ...change("macs", "± %"), cell: (row) => (row.uncosted ? "?" : percent(row.costs[at("macs")])), key: (row) => share(row.costs[at("macs")]) },
      change("bytes_moved", "± bytes moved", convcalc.binary),
      text("field", (row) => row.field_text ?? ""),
      ...(rows.some((row) => row.why) ? [text("why", (row) => row.why ?? "")] : []),
    ];
  }

  /** A name, cut where it is so long that the numbers beside it would not be seen; all of it where the pointer rests. */
  function named(name) {
    const label = make("span.name", null, name);
    label.title = name;
    return label;
  }

  const share = ([before, after]) => {
    if (big(before) === 0n) return big(after) === 0n ? 0 : null;
    return Math.abs(Number(after) - Number(before)) / Number(before);
  };

  function difference(row, [before, after, more], write) {
    if (row.uncosted) return "?";
    if (big(more) === 0n) return "";
    const made = signed(more, write);
    made.title = `${write(before)} → ${write(after)}`;
    return made;
  }

  /** The choices of what is shown, with how many rows each has; what changed is the first. */
  function filters(rows) {
    const count = (mark) => rows.filter((row) => row.mark === mark).length;
    const marks = Object.keys(convcalc.marks).map((mark) => [mark, (row) => row.mark === mark, count(mark)]);
    const changed = ["what changed", (row) => row.mark !== "same", rows.length - count("same")];
    const several = marks.filter(([mark, , many]) => mark !== "same" && many);
    return [changed, ...(several.length > 1 ? several : []), ["all layers", () => true, rows.length]];
  }

  /**
   * The table of a link (sides.js) and the rows of its head (sides.py), as an element for the page: choices of what is
   * shown, a search, and the rows, of which the one is marked that is chosen on either side.
   */
  convcalc.Changes = class {
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
      this.element = make("div.changes");
      this.table = this._table(head);
      this.empty = make("p.hint");
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
      const columns = columnsOf(this.link.states[0].network, rows);
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
      const bar = make("div.bar");
      const group = bar.appendChild(make("fieldset.filter"));
      group.append(make("legend.unseen", null, "Which layers are shown"));
      choices.forEach(([text, shows, count], place) => {
        const label = group.appendChild(make("label"));
        const input = label.appendChild(make("input"));
        Object.assign(input, { type: "radio", name: `shown-${head.network}`, checked: place === 0 });
        const mark = convcalc.marks[text];
        label.append(mark ? badge(text) : text, make("span.count", null, convcalc.exact(count)));
        input.addEventListener("change", () => {
          this.shows = shows;
          this.table.refresh();
        });
      });
      const search = bar.appendChild(make("input"));
      Object.assign(search, { type: "search", placeholder: "Search layers" });
      search.setAttribute("aria-label", "Search the layers of both networks");
      search.addEventListener("input", () => this.table.search(search.value));
      this.count = bar.appendChild(make("output.hint"));
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
  };
})();
