"use strict";
/* Puts the page of a sweep together: scatter, table and the row that is chosen, which hear of each other by the state. */
(function () {
  const { sweep: record } = JSON.parse(document.getElementById("data").textContent);
  const sweep = new convcalc.Sweep(record);
  const state = new convcalc.SweepState(sweep);
  convcalc.sweepState = state;

  /** A new element with properties and children. */
  function made(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // ---- what is drawn ------------------------------------------------------------------------------------------------

  /** The controls of an axis: which column, which side is better, and whether equal steps are equal ratios. */
  function controls(name, title) {
    const columns = made("select", { id: `${name}-column` });
    sweep.columns.forEach((column, place) => {
      if (column.drawable) columns.append(made("option", { value: place, textContent: column.title }));
    });
    const sides = made("select", { id: `${name}-better`, ariaLabel: `which side of the ${title} axis is better` });
    sides.append(made("option", { value: "less", textContent: "less is better" }));
    sides.append(made("option", { value: "more", textContent: "more is better" }));
    const log = made("input", { id: `${name}-log`, type: "checkbox" });
    columns.addEventListener("change", () => state.show(name, Number(columns.value)));
    sides.addEventListener("change", () => state.set(name, "more", sides.value === "more"));
    log.addEventListener("change", () => state.set(name, "log", log.checked));
    const show = () => showAxis(state.axes[name], { columns, sides, log });
    state.subscribe((what) => what === "axes" && show());
    show();
    const choose = made("label", { htmlFor: columns.id, textContent: title });
    return made("div", { className: "axis" }, choose, columns, sides, made("label", {}, log, " log"));
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
    const picture = made("div", { className: "picture" });
    const about = made("figcaption", { id: "about" });
    const tell = () => (about.textContent = [convcalc.aboutScatter(state), record.asked].filter(Boolean).join(" "));
    state.subscribe((what) => what === "axes" && tell());
    tell();
    slot.append(made("div", { className: "axes" }, controls("x", "across"), controls("y", "up")));
    slot.append(made("figure", {}, picture, about));
    new convcalc.Scatter(picture, state, record.chart);
  }

  // ---- rows ---------------------------------------------------------------------------------------------------------

  function mountRows(slot) {
    let members = new Set(state.front);
    const status = made("output", { id: "shown" });
    const search = made("input", { id: "search", type: "search", placeholder: "search rows" });
    search.setAttribute("aria-label", "search rows");
    const table = convcalc.rows({
      columns: [
        { title: "row", hint: "its number in the sweep" },
        ...sweep.columns.map((column, place) => ({
          title: column.unit ? `${column.title} (${column.unit})` : column.title,
          hint: column.name,
          numeric: sweep.isNumeric(place),
        })),
      ],
      count: sweep.count,
      caption: "the rows of the sweep",
      cell: (row, column) => (column ? sweep.text(row, column - 1) : String(sweep.rowNumber(row))),
      key: (row, column) => (column ? sweep.key(row, column - 1) : row),
      selected: (row) => state.select(row),
      decorate: (line, row) => line.classList.toggle("front", members.has(row)),
      changed: (rows) => (status.value = counted(rows.length)),
    });
    const mark = () => {
      members = new Set(state.front);
      table.refresh();
    };
    state.subscribe((what) => (what === "axes" ? mark() : table.select(state.selected)));
    search.addEventListener("input", () => table.search(search.value));
    slot.append(made("div", { className: "bar" }, search, status), table.element);
  }

  function counted(shown) {
    const all = convcalc.counted(sweep.count, "row");
    return shown === sweep.count ? all : `${convcalc.exact(shown)} of ${all}`;
  }

  /** All that is known of the row that is chosen, in the order of the columns. */
  function mountRow(slot) {
    slot.setAttribute("aria-live", "polite");
    const show = () => {
      if (state.selected === null) {
        slot.replaceChildren(made("p", { className: "hint", textContent: "Choose a point or a row to see all of it." }));
        return;
      }
      const facts = made("dl");
      sweep.columns.forEach((column, place) => {
        const text = convcalc.cellText(sweep, state.selected, place);
        const exact = made("dd", { textContent: text });
        if (column.unit === "bytes" && column.cells) exact.append(inBinary(sweep.value(state.selected, place)));
        facts.append(made("div", {}, made("dt", { textContent: column.title }), exact));
      });
      const isMember = state.front.includes(state.selected);
      const title = `row ${convcalc.exact(sweep.rowNumber(state.selected))}${isMember ? ", on the front" : ""}`;
      slot.replaceChildren(made("h2", { textContent: title }), facts);
    };
    state.subscribe(show);
    show();
  }

  function inBinary(size) {
    return size < 1024 ? "" : made("small", { textContent: ` ${convcalc.binary(size)}` });
  }

  const mounts = { scatter: mountScatter, row: mountRow, rows: mountRows };
  document.querySelectorAll("[data-sweep]").forEach((slot) => mounts[slot.dataset.sweep](slot));
})();
