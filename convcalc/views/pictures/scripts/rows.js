"use strict";
/* A table of which the rows in sight alone are made, so that 100,000 are as quick as ten. */

/** Rows up to which all are made: a browser finds text in them and prints them. */
convcalc.FEW_ROWS = 300;
/** Rows that are made above and below those in sight, so that scrolling shows no gap. */
convcalc.MORE_ROWS = 20;

/** How two keys are ordered: numbers by size and before texts, texts as people order them (v2 before v10). */
convcalc.compareKeys = (function () {
  const texts = new Intl.Collator("en", { numeric: true });
  const isNumber = (key) => typeof key === "number" || typeof key === "bigint";
  return function (left, right) {
    if (isNumber(left) && isNumber(right)) return left < right ? -1 : left > right ? 1 : 0;
    if (isNumber(left) !== isNumber(right)) return isNumber(left) ? -1 : 1;
    return texts.compare(left, right);
  };
})();

/**
 * Rows by a key: a new array. Rows that are equal stay in their order, and those without a key (null or undefined) are
 * last, whichever way the others are ordered.
 */
convcalc.ordered = function (rows, key, descending) {
  const keys = rows.map(key);
  const places = rows.map((_, place) => place);
  const sign = descending ? -1 : 1;
  places.sort((left, right) => {
    const [first, second] = [keys[left] ?? null, keys[right] ?? null];
    if (first === null || second === null) return (first === null) - (second === null) || left - right;
    return sign * convcalc.compareKeys(first, second) || left - right;
  });
  return places.map((place) => rows[place]);
};

/** The words of a search, all of which a row must hold, in any order and in capitals or not. */
convcalc.searchWords = function (text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
};

/**
 * A table that can be sorted by its headers, searched, and walked through with the arrow keys.
 *
 * The options, of which the last ones may be left out:
 *   columns    [{title, hint, numeric, minor}]: `hint` is shown where the pointer rests; numbers start with the largest;
 *              cells of a `minor` column have that class, so that a page can leave them out
 *   count      how many rows there are; a row is a number from 0 on
 *   cell       (row, column number) => a text, or an element
 *   key        (row, column number) => what the column is sorted by: a number, a BigInt, a text, or null for nothing
 *   caption    what the table is, for people who do not see it
 *   text       (row) => where a search looks; the texts of all its cells by default
 *   selected   (row) => called where a person chooses a row: by a click, or with a key
 *   activated  (row) => called for Enter or a double click
 *   decorate   (element of the row, row) => called for every row that is made
 *   arrange    (key, descending, matches) => rows to show. Without it: all that match, by the key. `key` takes a row,
 *              and is null where nothing is sorted; `matches` takes a row, and is null where nothing is searched.
 *              A table of a tree gives the rows that are open, sorted among their siblings.
 *   changed    (rows shown) => called where other rows are shown, or in another order
 *   printed    how many rows are printed; 40 by default
 */
convcalc.Rows = class {
  constructor(options) {
    this.options = { printed: 40, ...options };
    this.sorting = null;
    this.words = [];
    this.selected = null;
    this.texts = new Array(options.count);
    this.rowHeight = 26;
    this.isPrinting = false;
    this._build();
    this.refresh();
  }

  /** Sort by a column; by none, the rows are in the order that they came in. */
  sort(column, descending = false) {
    this.sorting = column === null ? null : { column, descending };
    this._markSorting();
    this.refresh();
  }

  /** Show only the rows in which all words of a text stand. */
  search(text) {
    this.words = convcalc.searchWords(text);
    this.refresh();
  }

  /** Work out anew which rows are shown: after a search, or where what `arrange` says has changed. */
  refresh() {
    const { options, sorting, words } = this;
    const key = sorting && ((row) => options.key(row, sorting.column));
    const matches = words.length ? (row) => this._matches(row) : null;
    this.shown = options.arrange ? options.arrange(key, sorting?.descending ?? false, matches) : this._all(key, matches);
    this.places = new Map(this.shown.map((row, place) => [row, place]));
    this.table.setAttribute("aria-rowcount", this.shown.length + 1);
    this._draw(true);
    options.changed?.(this.shown);
  }

  /** Mark a row and bring it into sight; null marks none. Nobody is told: whoever calls this knows. */
  select(row) {
    this.selected = row;
    if (row !== null && this.places.has(row)) this._reveal(this.places.get(row));
    this._draw(true);
  }

  _all(key, matches) {
    let rows = Array.from({ length: this.options.count }, (_, row) => row);
    if (matches) rows = rows.filter(matches);
    return key ? convcalc.ordered(rows, key, this.sorting.descending) : rows;
  }

  _matches(row) {
    const text = (this.texts[row] ??= this._text(row).toLowerCase());
    return this.words.every((word) => text.includes(word));
  }

  _text(row) {
    const { options } = this;
    if (options.text) return options.text(row);
    const cells = options.columns.map((_, column) => options.cell(row, column));
    return cells.map((cell) => (cell instanceof Node ? cell.textContent : cell)).join("\n");
  }

  // ---- what stands on the page ----------------------------------------------------------------------------------

  _build() {
    this.element = document.createElement("div");
    this.element.className = "rows";
    this.table = this.element.appendChild(document.createElement("table"));
    this.table.setAttribute("role", "grid");
    this.table.createCaption().textContent = this.options.caption;
    this.headers = this._buildHead(this.table.createTHead().insertRow());
    this.body = this.table.createTBody();
    this.element.addEventListener("scroll", () => this._draw(false), { passive: true });
    new ResizeObserver(() => this._draw(false)).observe(this.element);
    this.body.addEventListener("click", (event) => this._choose(this._rowOf(event.target)));
    this.body.addEventListener("dblclick", (event) => this._activate(this._rowOf(event.target)));
    this.body.addEventListener("keydown", (event) => this._press(event));
    window.addEventListener("beforeprint", () => this._print(true));
    window.addEventListener("afterprint", () => this._print(false));
  }

  _buildHead(head) {
    head.setAttribute("aria-rowindex", 1);
    return this.options.columns.map(({ title, hint, numeric, minor }, column) => {
      const header = head.appendChild(document.createElement("th"));
      header.scope = "col";
      header.classList.toggle("number", Boolean(numeric));
      header.classList.toggle("minor", Boolean(minor));
      const button = header.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = title;
      if (hint) button.title = hint;
      button.addEventListener("click", () => this._clickHeader(column));
      return header;
    });
  }

  /** The first click sorts by what most look for first, the second the other way, the third not at all. */
  _clickHeader(column) {
    const first = Boolean(this.options.columns[column].numeric);
    if (this.sorting?.column !== column) this.sort(column, first);
    else if (this.sorting.descending === first) this.sort(column, !first);
    else this.sort(null);
  }

  _markSorting() {
    this.headers.forEach((header, column) => {
      const isSorted = this.sorting?.column === column;
      if (isSorted) header.setAttribute("aria-sort", this.sorting.descending ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
  }

  /** Make the rows in sight; where none of them changes, only if `anew`. */
  _draw(anew) {
    const [first, last] = this._sight();
    if (!anew && first === this.first && last === this.last) return;
    const hadFocus = this.body.contains(document.activeElement);
    [this.first, this.last] = [first, last];
    const rows = this.shown.slice(first, last).map((row, offset) => this._row(row, first + offset));
    this.body.replaceChildren(
      ...this._gap(first),
      ...rows,
      ...this._gap(this.isPrinting ? 0 : this.shown.length - last),
    );
    this._makeReachable();
    if (hadFocus) this.body.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
    this._measure(rows);
  }

  /** The places of the rows to be made: from the first up to the last, which is not among them. */
  _sight() {
    const count = this.shown.length;
    if (this.isPrinting) return [0, Math.min(count, this.options.printed)];
    if (count <= convcalc.FEW_ROWS) return [0, count];
    const first = Math.floor(this.element.scrollTop / this.rowHeight) - convcalc.MORE_ROWS;
    const height = this.element.clientHeight || 600;
    const last = Math.ceil((this.element.scrollTop + height) / this.rowHeight) + convcalc.MORE_ROWS;
    return [Math.max(0, Math.min(first, count - 1)), Math.min(count, last)];
  }

  _row(row, place) {
    const { options } = this;
    const line = document.createElement("tr");
    line.dataset.row = row;
    line.tabIndex = -1;
    line.classList.toggle("even", place % 2 === 1); // not by :nth-child, as the gap above counts
    line.setAttribute("aria-rowindex", place + 2);
    line.setAttribute("aria-selected", row === this.selected);
    options.columns.forEach(({ numeric, minor }, column) => {
      const cell = document.createElement(column ? "td" : "th");
      if (!column) cell.scope = "row";
      if (numeric || minor) cell.className = `${numeric ? "number" : ""} ${minor ? "minor" : ""}`.trim();
      cell.append(options.cell(row, column));
      line.append(cell);
    });
    options.decorate?.(line, row);
    return line;
  }

  /** The room of rows that are not made, so that the bar for scrolling is right. */
  _gap(count) {
    if (!count) return [];
    const gap = document.createElement("tr");
    gap.setAttribute("aria-hidden", "true");
    const cell = gap.insertCell();
    cell.colSpan = this.options.columns.length;
    cell.style.cssText = `height: ${count * this.rowHeight}px; padding: 0; border: 0`;
    return [gap];
  }

  /** All rows are as high as the first that is seen; once that is known, the gaps are right. */
  _measure(rows) {
    const height = rows.length ? rows[0].getBoundingClientRect().height : 0;
    if (!height || Math.abs(height - this.rowHeight) < 0.01) return;
    this.rowHeight = height;
    if (this.shown.length > convcalc.FEW_ROWS) this._draw(true);
  }

  /** Tab leads to the row that is chosen where it is made, else to the first that is. */
  _makeReachable() {
    const line = this._line(this.selected) ?? this.body.querySelector("tr[data-row]");
    if (line) line.tabIndex = 0;
  }

  _line(row) {
    return row === null ? null : this.body.querySelector(`tr[data-row="${row}"]`);
  }

  _reveal(place) {
    const { element, rowHeight } = this;
    const head = this.table.tHead.offsetHeight;
    const top = place * rowHeight;
    const room = element.clientHeight - head - rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top > element.scrollTop + room) element.scrollTop = top - room;
  }

  _print(isPrinting) {
    this.isPrinting = isPrinting;
    this._draw(true);
  }

  // ---- what people do -------------------------------------------------------------------------------------------

  _rowOf(target) {
    const line = target.closest("tr[data-row]");
    return line ? Number(line.dataset.row) : null;
  }

  _choose(row) {
    if (row === null) return;
    this.select(row);
    this._line(row)?.focus({ preventScroll: true });
    this.options.selected?.(row);
  }

  _activate(row) {
    if (row !== null) this.options.activated?.(row);
  }

  _press(event) {
    const row = this._rowOf(event.target);
    const place = this.places.get(row);
    if (place === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const last = this.shown.length - 1;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight) - 2);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -last, End: last };
    if (event.key in moves) this._choose(this.shown[Math.max(0, Math.min(last, place + moves[event.key]))]);
    else if (event.key === " ") this._choose(row);
    else if (event.key === "Enter") this._activate(row);
    else return;
    event.preventDefault();
  }
};

/** A table; see `convcalc.Rows`, whose `element` goes on the page. */
convcalc.rows = (options) => new convcalc.Rows(options);
