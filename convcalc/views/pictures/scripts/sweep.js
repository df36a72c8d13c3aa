"use strict";
/* A sweep as its page knows it: exact cells of columns and rows, the front of two columns, and what is chosen. */

convcalc.Sweep = class {
  /** `record` is that of `sweep_record.py`. Rows are numbers from 0 on; `rowNumber` is what people call them. */
  constructor(record) {
    this.record = record;
    this.columns = record.columns;
    this.count = record.count;
  }

  /** The number of a row in the sweep, from 1 on: a page may lack some. */
  rowNumber(row) {
    return (this.record.numbers ? this.record.numbers[row] : row) + 1;
  }

  /** What the JSON of the command has for it; whole numbers beyond 2^53 are texts. */
  value(row, column) {
    const { cells, values, places } = this.columns[column];
    return cells ? cells[row] : values[places[row]];
  }

  /** What a column is sorted by, without rounding: null where there is nothing. */
  key(row, column) {
    const { cells, ranks, texts, places } = this.columns[column];
    return cells ? cells[row] : (ranks ?? texts)[places[row]];
  }

  /** All its digits, or what it is called. */
  text(row, column) {
    const { cells, swept, texts, places } = this.columns[column];
    if (cells) return swept ? String(cells[row]) : convcalc.exact(cells[row]);
    return texts[places[row]] ?? "";
  }

  /** Where it lies on an axis; null where it does not. */
  place(row, column) {
    const { cells, numbers, places } = this.columns[column];
    return cells ? cells[row] : (numbers[places[row]] ?? null);
  }

  /** Whether a column has numbers, of which some are better than others. */
  isNumeric(column) {
    return Boolean(this.columns[column].cells || this.columns[column].ranks);
  }

  /** The rows that have a place on both axes. */
  drawn(x, y) {
    return this._all().filter((row) => this.place(row, x) !== null && this.place(row, y) !== null);
  }

  /**
   * The rows of which none is as good in both columns and better in one, the first of those that are alike, by the
   * first column; none where a column has no numbers. `moreX` and `moreY` say whether more is better.
   */
  front(x, y, moreX, moreY) {
    if (!this.isNumeric(x) || !this.isNumeric(y)) return [];
    const [across, up] = [moreX ? -1 : 1, moreY ? -1 : 1];
    const rows = this.drawn(x, y);
    const [keysX, keysY] = [x, y].map((column) => this._all().map((row) => this.key(row, column)));
    rows.sort((left, right) => across * (keysX[left] - keysX[right]) || up * (keysY[left] - keysY[right]) || left - right);
    const members = [];
    for (const row of rows) {
      if (!members.length || up * (keysY[row] - keysY[members[members.length - 1]]) < 0) members.push(row);
    }
    return moreX ? members.reverse() : members;
  }

  _all() {
    return Array.from({ length: this.count }, (_, row) => row);
  }
};

/** What is chosen on the page of a sweep. `listener(what)` hears "selected", or "axes" where others are drawn. */
convcalc.SweepState = class {
  constructor(sweep) {
    const { x, y } = sweep.record;
    this.sweep = sweep;
    this.selected = null;
    this.listeners = [];
    this.members = null;
    this.axes = { x: this._axis(x), y: this._axis(y) };
  }

  subscribe(listener) {
    this.listeners.push(listener);
  }

  tell(what) {
    if (what === "axes") this.members = null;
    for (const listener of this.listeners) listener(what);
  }

  select(row) {
    if (row === this.selected) return;
    this.selected = row;
    this.tell("selected");
  }

  /** Draw another column along an axis, "x" or "y": the better side and the steps are those of the column. */
  show(axis, column) {
    this.axes[axis] = this._axis(column);
    this.tell("axes");
  }

  /** Set whether `more` is better along an axis, or whether it is `log`arithmic. */
  set(axis, choice, value) {
    this.axes[axis][choice] = value;
    this.tell("axes");
  }

  /** The rows on the front of what is drawn, worked out once for each choice of axes: it takes a while for many. */
  get front() {
    const { x, y } = this.axes;
    return (this.members ??= this.sweep.front(x.column, y.column, x.more, y.more));
  }

  _axis(column) {
    const { more, wide } = this.sweep.columns[column];
    return { column, more, log: wide };
  }
};
