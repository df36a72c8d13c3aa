"use strict";
/* The scatter of a sweep: the chart that Python made, with the columns in it that are chosen on the page. */

convcalc.Scatter = class {
  constructor(element, state, chart) {
    this.element = element.appendChild(convcalc.make("div.drawing"));
    this.ring = element.appendChild(convcalc.make("span.ring", { hidden: true }));
    this.state = state;
    this.chart = chart;
    this.element.style.height = `${chart.height}px`;
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute("aria-roledescription", "scatter chart");
    this.frame = element;
    this._build();
    state.subscribe((what) => (what === "axes" ? this.draw() : this.mark()));
    new ResizeObserver(() => this._fit()).observe(element);
    element.addEventListener("keydown", (event) => this._press(event));
    document.addEventListener("convcalc:theme", () => this._build());
    window.addEventListener("beforeprint", () => this._build(660));
    window.addEventListener("afterprint", () => this._build());
  }

  /** A picture has the colours that it was made with: for others, another is made, so wide or as its place is. */
  _build(width) {
    this.picture?.dispose();
    this.colours = convcalc.colours();
    const theme = convcalc.chartTheme(this.colours, getComputedStyle(this.element).fontFamily);
    this.picture = echarts.init(this.element, theme, { renderer: "svg", width });
    this.picture.on("click", (event) => event.data && this._choose(event));
    this.draw();
  }

  _fit() {
    const width = this.element.clientWidth;
    if (!width || width === this.picture.getWidth()) return;
    this.picture.resize();
    this.mark();
  }

  draw() {
    const { x, y } = this.state.axes;
    const { sweep } = this.state;
    this.rows = sweep.drawn(x.column, y.column);
    this.front = this.state.front;
    this.walk = null;
    this.frame.setAttribute("aria-label", convcalc.aboutScatter(this.state));
    this.picture.setOption(this._option(), { notMerge: true });
    this.mark();
  }

  /** The chart of Python, with the axes that are chosen and the rows in it. */
  _option() {
    const { axes, sweep } = this.state;
    const chart = { ...this.chart, measures: [axes.x, axes.y].map(({ column }) => sweep.columns[column]) };
    const { option } = this.chart;
    chart.option = { ...option, xAxis: this._axis("x", option.xAxis), yAxis: this._axis("y", option.yAxis) };
    const drawn = convcalc.chartOption(chart, this.picture.getWidth());
    const [rows, front] = drawn.series;
    rows.data = this._points(this.rows);
    rows.large = this.rows.length >= rows.largeThreshold;
    rows.symbolSize = rows.large ? 3 : 7;
    front.data = this._points(this.front);
    front.step = axes.x.more ? "start" : "end";
    drawn.legend.data = this.front.length ? [rows.name, front.name] : [rows.name];
    drawn.tooltip = { ...drawn.tooltip, confine: true, formatter: (event) => this._tooltip(event) };
    return drawn;
  }

  _points(rows) {
    return rows.map((row) => ({ value: this._place(row), id: `r${row}` }));
  }

  _axis(name, { nameLocation }) {
    const { column, log } = this.state.axes[name];
    const { linear, log: logarithmic } = this.state.sweep.columns[column];
    return { ...(log && logarithmic ? logarithmic : linear), nameLocation };
  }

  _place(row) {
    const { x, y } = this.state.axes;
    return [this.state.sweep.place(row, x.column), this.state.sweep.place(row, y.column)];
  }

  /** Put a ring around the row that is chosen, where it is drawn: beside the picture, which takes long to draw. */
  mark() {
    const { selected } = this.state;
    const place = selected === null ? [null] : this._place(selected);
    this.ring.hidden = place.includes(null);
    if (this.ring.hidden) return;
    const [left, top] = this.picture.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, place);
    Object.assign(this.ring.style, { left: `${left}px`, top: `${top}px` });
  }

  _choose(event) {
    this.state.select(Number(event.data.id.slice(1)));
  }

  /** What a point is: where it lies among all, what is swept there, and its numbers. */
  _tooltip(event) {
    const { axes, sweep } = this.state;
    const row = Number(event.data.id.slice(1));
    const swept = [...sweep.columns.keys()].filter((column) => sweep.columns[column].swept);
    const lines = [...new Set([...swept, axes.x.column, axes.y.column])].map((column) =>
      convcalc.make("div", {}, `${sweep.columns[column].title} ${convcalc.cellText(sweep, row, column)}`),
    );
    return convcalc.make("div", {}, convcalc.make("strong", {}, `row ${convcalc.exact(sweep.rowNumber(row))}`), lines);
  }

  /** Left and right go to the next row along the axis, up and down along the front. */
  _press(event) {
    const moves = { ArrowRight: ["walk", 1], ArrowLeft: ["walk", -1], ArrowUp: ["front", 1], ArrowDown: ["front", -1] };
    const move = moves[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.walk ??= convcalc.ordered(this.rows, (row) => this._place(row)[0], false);
    const rows = this[move[0]];
    if (!rows.length) return;
    const place = rows.indexOf(this.state.selected);
    const next = place === -1 ? 0 : Math.max(0, Math.min(rows.length - 1, place + move[1]));
    this.state.select(rows[next]);
  }
};

/** A cell with its unit. */
convcalc.cellText = function (sweep, row, column) {
  const { unit } = sweep.columns[column];
  const text = sweep.text(row, column);
  return unit && text ? `${text} ${unit}` : text || "nothing";
};

/** What the scatter shows, in words. */
convcalc.aboutScatter = function (state) {
  const { sweep, front } = state;
  const { x, y } = state.axes;
  const [first, second] = [x, y].map((axis) => sweep.columns[axis.column].title);
  const texts = [`${convcalc.counted(sweep.drawn(x.column, y.column).length, "row")} by ${first} and ${second}.`];
  if (!sweep.isNumeric(x.column) || !sweep.isNumeric(y.column)) {
    return `${texts[0]} ${sweep.isNumeric(x.column) ? second : first} has no order, so there is no front.`;
  }
  if (!front.length) return texts[0];
  const ends = [front[0], front[front.length - 1]].map((row) =>
    [x, y].map((axis) => `${sweep.columns[axis.column].title} ${convcalc.cellText(sweep, row, axis.column)}`).join(" with "),
  );
  const sides = `${x.more ? "large" : "small"} ${first} and ${y.more ? "large" : "small"} ${second}`;
  const where = front.length === 1 ? `: ${ends[0]}` : `, from ${ends[0]} to ${ends[1]}`;
  texts.push(`The front for ${sides} has ${convcalc.counted(front.length, "row")}${where}.`);
  return texts.join(" ");
};
