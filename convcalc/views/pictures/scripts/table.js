"use strict";
/* The table of all layers. In the order of the network it is a tree: blocks are rows, open where they are open in the
   graph. Sorted or searched it is flat. A row is a layer or a block; `convcalc.rows` makes those in sight. */
(function () {
  const { make } = convcalc;

  /** What the columns are, in their order: `amount` is what is sorted by, null where it is not known. */
  const LAYER = { title: "layer", hint: "in the order in which they run; by name where sorted" };
  const COLUMNS = [
    LAYER,
    { title: "kind" },
    { title: "output", hint: "channels first, without the batch", amount: outputSize },
    { title: "params", cost: "params" },
    { title: "MACs", cost: "macs" },
    { title: "share", hint: "of the network's MACs", cost: "macs", isShare: true },
    { title: "element-wise ops", cost: "elementwise_ops" },
    { title: "bytes", hint: "read and written: inputs, weights, outputs", cost: "bytes_moved" },
    { title: "field", hint: "receptive field: positions of the input that an output position can depend on", amount: convcalc.fieldOf },
    { title: "bound", hint: "at least so long on the device", amount: bound },
  ];

  /** The positions of a layer's output, all axes multiplied. */
  function outputSize(item) {
    return item.shape === "?" ? null : item.shape.split("x").reduce((size, axis) => size * Number(axis), 1);
  }

  function bound(item) {
    return item.bound_ps === undefined ? null : exactNumber(item.bound_ps);
  }

  /** A number as it can be compared: those over 2^53 come as texts. */
  function exactNumber(number) {
    return typeof number === "string" ? BigInt(number) : number;
  }

  /** The layers and blocks of a network as rows: a block is before what is in it. */
  convcalc.LayerRows = class {
    constructor(network) {
      this.network = network;
      this.ids = [];
      this.after = []; // of a block, the row that follows all that is in it; of a layer, the next row
      this._list();
      this.rows = new Map(this.ids.map((id, row) => [id, row]));
      this.columns = COLUMNS.filter(({ title }) => title !== "bound" || this.hasBounds());
      this.titles = this.columns.map(({ title }) => title);
    }

    _list() {
      const { nodes, parts } = this.network;
      const around = [];
      let next = 0;
      const close = (place) => {
        while (around.length && parts[around.at(-1).part].last <= place) this.after[around.pop().row] = this.ids.length;
      };
      nodes.forEach((node, place) => {
        close(place);
        for (; next < parts.length && parts[next].first === place; next++) {
          around.push({ part: next, row: this.ids.length });
          this.ids.push(`p${next}`);
        }
        if (node.costs) {
          this.after[this.ids.length] = this.ids.length + 1;
          this.ids.push(`n${place}`);
        }
      });
      close(Infinity);
    }

    hasBounds() {
      return this.network.nodes.some((node) => node.bound_ps !== undefined);
    }

    item(row) {
      return convcalc.item(this.network, this.ids[row]);
    }

    isBlock(row) {
      return this.ids[row][0] === "p";
    }

    part(row) {
      return Number(this.ids[row].slice(1));
    }

    depth(row) {
      return convcalc.around(this.network, this.ids[row]).length;
    }

    /** A block's kind, or a layer's with the fields that matter. */
    kind(row) {
      const { kind, summary, times } = this.item(row);
      return `${times ? `${convcalc.exact(times)} x ` : ""}${kind}${summary ? ` ${summary}` : ""}`;
    }

    /** What is searched in: name, kind and shape. */
    searched(row) {
      return `${this.item(row).name}\n${this.kind(row)}\n${this.item(row).shape}`;
    }

    cost(row, name) {
      return this.item(row).costs[this.network.columns.indexOf(name)];
    }

    /** Whether it is known what a layer costs, or any layer of a block. */
    isKnown(row) {
      const { uncosted = 0, first = 0, last = 1 } = this.item(row);
      return uncosted < last - first;
    }

    /** What a column is sorted by. */
    key(row, column) {
      const { cost, amount } = this.columns[column];
      if (cost) return this.isKnown(row) ? exactNumber(this.cost(row, cost)) : null;
      if (amount) return amount(this.item(row));
      return column === 0 ? this.item(row).name : this.kind(row);
    }

    /** The text of a cell, as it is copied. */
    text(row, column) {
      const { title, cost, isShare } = this.columns[column];
      const item = this.item(row);
      if (isShare) return this.isKnown(row) ? this.share(row) : "?";
      if (cost) return this.costText(row, cost);
      if (title === "layer") return item.name;
      if (title === "kind") return this.kind(row);
      if (title === "output") return item.shape;
      if (title === "field") return item.field_text ?? "";
      return item.bound_ps === undefined ? "" : convcalc.duration(item.bound_ps);
    }

    costText(row, name) {
      if (!this.isKnown(row)) return "?";
      return `${this.item(row).uncosted ? "≥ " : ""}${convcalc.exact(this.cost(row, name))}`;
    }

    /** A share of the network's MACs, in percent of the total from 0 to 100. */
    percent(row) {
      const total = Number(this.network.totals.macs);
      return total ? (100 * Number(this.cost(row, "macs"))) / total : 0;
    }

    share(row) {
      const percent = this.percent(row);
      return percent === 0 ? "" : percent < 0.1 ? "<0.1 %" : `${percent.toFixed(1)} %`;
    }
  };

  class Table {
    constructor(slot, state) {
      this.state = state;
      this.layers = new convcalc.LayerRows(state.network);
      this.isFlat = false;
      this._build(slot);
      state.subscribe((what) => this._changed(what));
    }

    _build(slot) {
      const { layers } = this;
      this.count = make("output.count");
      slot.append(this._bar());
      this.rows = convcalc.rows({
        columns: layers.columns.map((column) => ({ ...column, numeric: !["layer", "kind", "output"].includes(column.title) })),
        count: layers.ids.length,
        caption: "The layers of the network with what they cost; blocks are rows that open",
        cell: (row, column) => this._cell(row, column),
        key: (row, column) => layers.key(row, column),
        text: (row) => layers.searched(row),
        arrange: (key, descending, matches) => this._arrange(key, descending, matches),
        selected: (row) => this.state.select(layers.ids[row]),
        activated: (row) => layers.isBlock(row) && this.state.toggle(layers.part(row)),
        decorate: (line, row) => this._decorate(line, row),
        changed: (rows) => this._tell(rows),
      });
      this.rows.table.setAttribute("role", "treegrid");
      this.rows.element.addEventListener("keydown", (event) => this._press(event));
      this.rows.element.addEventListener("copy", (event) => this._copy(event));
      slot.append(this.rows.element);
    }

    _bar() {
      this.search = make("input", {
        type: "search",
        placeholder: "Search: name, kind, shape",
        "aria-label": "Search layers by name, kind and shape",
        "aria-keyshortcuts": "/",
        oninput: () => this.state.find(this.search.value),
      });
      const inOrder = () => {
        this.rows.sort(null);
        this.search.focus();
      };
      this.order = make("button.button", { type: "button", hidden: true, onclick: inOrder }, "Order of the network");
      const copy = make("button.button", { type: "button", onclick: () => this._copyAll() }, "Copy table");
      return make("div.bar", null, this.search, this.count, this.order, copy);
    }

    // ---- which rows are shown, and in which order -----------------------------------------------------------------

    _arrange(key, descending, matches) {
      this.isFlat = Boolean(key || matches);
      const rows = [];
      const { layers, state } = this;
      for (let row = 0; row < layers.ids.length; ) {
        const isClosed = layers.isBlock(row) && !state.open.has(layers.part(row));
        const isShown = key ? !layers.isBlock(row) && (!matches || matches(row)) : !matches || matches(row);
        if (isShown) rows.push(row);
        row = isClosed && !this.isFlat ? layers.after[row] : row + 1;
      }
      this.state.matches = matches ? new Set(rows.map((row) => layers.ids[row])) : null;
      return key ? convcalc.ordered(rows, key, descending) : rows;
    }

    _tell(rows) {
      const total = this.layers.ids.filter((id) => id[0] === "n").length;
      const sorting = this.rows?.sorting ?? null;
      this.order.hidden = sorting === null;
      if (this.state.search.trim()) this.count.value = convcalc.counted(rows.length, "match", "matches");
      else this.count.value = convcalc.counted(total, "layer");
      const order = sorting ? `, sorted by ${this.layers.titles[sorting.column]}, ${sorting.descending ? "largest" : "smallest"} first` : "";
      if (this.wasTold) convcalc.announce(`${this.count.value}${order}`);
      this.wasTold = true;
    }

    _changed(what) {
      const { state, rows, layers } = this;
      if (what === "open" && !this.isFlat) rows.refresh();
      if (what === "search") {
        if (this.search.value !== state.search) this.search.value = state.search;
        rows.search(state.search);
      }
      if (what !== "selected") return;
      const row = layers.rows.get(state.selected) ?? null;
      if (row !== rows.selected) rows.select(row);
    }

    // ---- what a row looks like ------------------------------------------------------------------------------------

    _cell(row, column) {
      if (column === 0) return this._name(row);
      const { layers } = this;
      const text = layers.text(row, column);
      return layers.columns[column].isShare && text && text !== "?" ? this._share(row) : text;
    }

    _share(row) {
      const bar = make("span.bar-of-share");
      bar.style.setProperty("--share", `${this.layers.percent(row).toFixed(2)}%`);
      return make("span.share", null, bar, make("span", null, this.layers.share(row)));
    }

    /** In the tree, what a name has in common with the block around is less marked. */
    _name(row) {
      const { layers, state } = this;
      const { name } = layers.item(row);
      const label = make("span.name", { title: name });
      label.append(...this._nameParts(row, name));
      if (this.isFlat) return label;
      label.style.setProperty("--depth", String(layers.depth(row)));
      if (!layers.isBlock(row)) return label;
      const isOpen = state.open.has(layers.part(row));
      const toggle = (event) => {
        event.stopPropagation();
        state.toggle(layers.part(row));
      };
      const hidden = { type: "button", tabindex: -1, "aria-hidden": "true", onclick: toggle }; // the row itself says it
      label.prepend(make("button.fold", hidden, isOpen ? "▾" : "▸"));
      return label;
    }

    _nameParts(row, name) {
      const [part] = convcalc.around(this.state.network, this.layers.ids[row]);
      const prefix = part === undefined ? "" : `${this.state.network.parts[part].name}.`;
      if (this.isFlat || !prefix || !name.startsWith(prefix)) return [name];
      return [make("span.prefix", null, prefix), name.slice(prefix.length)];
    }

    _decorate(line, row) {
      const isBlock = this.layers.isBlock(row);
      line.classList.toggle("block", isBlock);
      line.dataset.id = this.layers.ids[row];
      line.setAttribute("aria-level", this.isFlat ? 1 : this.layers.depth(row) + 1);
      if (isBlock && !this.isFlat) line.setAttribute("aria-expanded", this.state.open.has(this.layers.part(row)));
    }

    // ---- keys and copies ------------------------------------------------------------------------------------------

    /** Right opens a block; left closes it, and leads from what is in a block to the block. */
    _press(event) {
      const line = event.target.closest("tr[data-row]");
      if (!line || this.isFlat || event.altKey || event.ctrlKey || event.metaKey) return;
      const { layers, state } = this;
      const row = Number(line.dataset.row);
      const isOpen = layers.isBlock(row) && state.open.has(layers.part(row));
      if (event.key === "ArrowRight" && layers.isBlock(row) && !isOpen) state.toggle(layers.part(row));
      else if (event.key === "ArrowLeft" && isOpen) state.toggle(layers.part(row));
      else if (event.key === "ArrowLeft") this._toBlock(row);
      else return;
      event.preventDefault();
    }

    _toBlock(row) {
      const [part] = convcalc.around(this.state.network, this.layers.ids[row]);
      if (part !== undefined) this.state.select(`p${part}`);
    }

    _line(row) {
      return this.layers.columns.map((_, column) => this.layers.text(row, column)).join("\t");
    }

    /** Where no text is marked, a copy is of the row that is chosen: its cells, with tabs between them. */
    _copy(event) {
      const { selected } = this.rows;
      if (!getSelection().isCollapsed || selected === null) return;
      event.clipboardData.setData("text/plain", this._line(selected));
      event.preventDefault();
      convcalc.announce("row copied");
    }

    _copyAll() {
      const lines = [this.layers.titles.join("\t"), ...this.rows.shown.map((row) => this._line(row))];
      const write = (event) => {
        event.clipboardData.setData("text/plain", `${lines.join("\n")}\n`);
        event.preventDefault();
        event.stopImmediatePropagation();
      };
      document.addEventListener("copy", write, { capture: true, once: true });
      const isCopied = document.execCommand("copy"); // a page from disk may have no navigator.clipboard
      document.removeEventListener("copy", write, { capture: true });
      const text = isCopied ? `${convcalc.counted(lines.length - 1, "row")} copied` : "the browser does not let this page copy";
      this.count.value = text;
      convcalc.announce(text);
    }
  }

  convcalc.slots.table = (slot, state) => new Table(slot, state);
})();
