"use strict";
/* Puts the page of a sweep together: scatter, table and the row that is chosen, which hear of each other by the state. */
(function () {
  const { sweep: record } = JSON.parse(document.getElementById("data").textContent);
  const sweep = new convcalc.Sweep(record);
  const state = new convcalc.SweepState(sweep);
  const { make } = convcalc;
  const PRINTED = 40; // rows that a page of paper holds
  convcalc.states = [state]; // for keys.js, which chooses nothing in all of them

  // ---- what is drawn ------------------------------------------------------------------------------------------------

  /** The controls of an axis: which column, which side is better, and whether equal steps are equal ratios. */
  function controls(name, title) {
    const columns = make("select", { id: `${name}-column`, onchange: () => state.show(name, Number(columns.value)) });
    sweep.columns.forEach((column, place) => {
      if (column.drawable) columns.append(make("option", { value: place }, column.title));
    });
    const sides = make(
      "select",
      { id: `${name}-better`, "aria-label": `which side is better ${title}`, onchange: () => state.set(name, "more", sides.value === "more") },
      make("option", { value: "less" }, "less is better"),
      make("option", { value: "more" }, "more is better"),
    );
    const log = make("input", { id: `${name}-log`, type: "checkbox", onchange: () => state.set(name, "log", log.checked) });
    const show = () => showAxis(state.axes[name], { columns, sides, log });
    state.subscribe((what) => what === "axes" && show());
    const control = make("div.axis", {}, make("label", { for: columns.id }, title), columns, sides, make("label", {}, log, " log"));
    show();
    return control;
  }

  function showAxis({ column, more, log: isLog }, { columns, sides, log }) {
    const { log: logarithmic } = sweep.columns[column];
    columns.value = column;
    sides.value = more ? "more" : "less";
    sides.disabled = !sweep.isNumeric(column);
    log.disabled = !logarithmic;
    log.checked = Boolean(logarithmic) && isLog;
    log.parentElement?.setAttribute("title", logarithmic ? "" : "only for numbers above zero");
  }

  function mountScatter(slot) {
    const picture = make("div.picture");
    const about = make("figcaption", { id: "about" });
    const tell = () => (about.textContent = [convcalc.aboutScatter(state), record.asked].filter(Boolean).join(" "));
    state.subscribe((what) => what === "axes" && tell());
    tell();
    slot.append(make("div.axes", {}, controls("x", "across"), controls("y", "up")), make("figure", {}, picture, about));
    new convcalc.Scatter(picture, state, record.chart);
  }

  // ---- rows ---------------------------------------------------------------------------------------------------------

  function mountRows(slot) {
    let members = new Set(state.front);
    const status = make("output", { id: "shown" });
    const table = convcalc.rows({
      columns: [{ title: "row", hint: "its number in the sweep" }, ...sweep.columns.map(header)],
      count: sweep.count,
      caption: "the rows of the sweep",
      cell: (row, column) => (column ? sweep.text(row, column - 1) : String(sweep.rowNumber(row))),
      key: (row, column) => (column ? sweep.key(row, column - 1) : row),
      selected: (row) => state.select(row),
      decorate: (line, row) => line.classList.toggle("front", members.has(row)),
      printed: PRINTED,
      changed: (rows) => (status.textContent = counted(rows.length)),
    });
    state.subscribe((what) => {
      if (what === "selected") return table.select(state.selected);
      members = new Set(state.front);
      table.refresh();
    });
    const search = make("input", {
      id: "search",
      type: "search",
      placeholder: "search rows",
      "aria-label": "search rows",
      oninput: () => table.search(search.value),
    });
    const all = make("input", { id: "all-columns", type: "checkbox", onchange: () => showAll(table, all.checked) });
    showAll(table, false);
    const printed = sweep.count > PRINTED ? `The first ${PRINTED} of ${convcalc.counted(sweep.count, "row")}.` : "";
    slot.append(make("div.bar", {}, search, status, make("label", {}, all, " all columns")), make("p.printed", {}, printed));
    slot.append(table.element);
  }

  /** Show the columns that the terminal shows, or all that there are. */
  function showAll(table, isAll) {
    table.element.classList.toggle("brief", !isAll);
  }

  function header(column, place) {
    const title = column.unit ? `${column.title} (${column.unit})` : column.title;
    return { title, hint: column.name, numeric: sweep.isNumeric(place), minor: column.minor };
  }

  function counted(shown) {
    const all = convcalc.counted(sweep.count, "row");
    return shown === sweep.count ? all : `${convcalc.exact(shown)} of ${all}`;
  }

  // ---- the row that is chosen -----------------------------------------------------------------------------------------

  /** All that is known of it, in the order of the columns. */
  function mountRow(slot) {
    slot.setAttribute("aria-live", "polite");
    const show = () => slot.replaceChildren(...(state.selected === null ? [hint()] : facts(state.selected)));
    state.subscribe(show);
    show();
  }

  function hint() {
    return make("p.hint", {}, "A point of the picture or a row of the table, once it is chosen.");
  }

  function facts(row) {
    const title = `Row ${convcalc.exact(sweep.rowNumber(row))}${state.front.includes(row) ? ", on the front" : ""}`;
    const lines = sweep.columns.map((column, place) =>
      make("div", {}, make("dt", {}, column.title), make("dd", {}, convcalc.cellText(sweep, row, place), inBinary(row, place))),
    );
    return [make("p.heading", {}, title), make("dl", {}, lines)];
  }

  /** Bytes in their unit, beside all digits. */
  function inBinary(row, column) {
    const size = Number(sweep.value(row, column));
    return sweep.columns[column].unit === "bytes" && size >= 1024 ? make("small", {}, ` ${convcalc.binary(size)}`) : null;
  }

  const mounts = { scatter: mountScatter, row: mountRow, rows: mountRows };
  document.querySelectorAll("[data-sweep]").forEach((slot) => mounts[slot.dataset.sweep](slot));
  document.documentElement.dataset.ready = "true";
})();
