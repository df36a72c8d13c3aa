"use strict";
/* The address names what is chosen on the page of a sweep, so that one can link to it: sweep.html#row=13&x=width&y=macs.
   Columns are named where others than the first are drawn. A step of the history would be too much for each. */
(function () {
  const [state] = convcalc.states;
  const { sweep } = state;
  const first = { x: sweep.record.x, y: sweep.record.y };
  const rows = new Map(Array.from({ length: sweep.count }, (_, row) => [String(sweep.rowNumber(row)), row]));

  function write() {
    const named = new URLSearchParams();
    if (state.selected !== null) named.set("row", sweep.rowNumber(state.selected));
    for (const axis of ["x", "y"]) {
      const { column } = state.axes[axis];
      if (column !== first[axis]) named.set(axis, sweep.columns[column].name);
    }
    const text = named.toString();
    history.replaceState(null, "", text ? `#${text}` : location.href.split("#")[0]);
  }

  /** Choose what is named, as far as there is such a row and such a column. */
  function read() {
    const named = new URLSearchParams(location.hash.slice(1));
    for (const axis of ["x", "y"]) {
      const column = sweep.columns.findIndex(({ name, drawable }) => drawable && name === named.get(axis));
      const wanted = column === -1 ? first[axis] : column;
      if (wanted !== state.axes[axis].column) state.show(axis, wanted);
    }
    state.select(rows.get(named.get("row")) ?? null);
  }

  if (location.hash) read();
  state.subscribe(write);
  window.addEventListener("hashchange", read);
})();
