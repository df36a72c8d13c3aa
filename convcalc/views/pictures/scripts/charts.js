"use strict";
/* The charts of a network: drawn by ECharts, linked with what is selected, and walked through by the keyboard. */

/** Notes of a point that a tooltip has room for. */
convcalc.MOST_NOTES = 8;

/** One chart in the page. Its points are known by the layers that they stand for, in the order of the first axis. */
convcalc.ChartView = class {
  constructor(figure, state, chart) {
    this.state = state;
    this.chart = chart;
    this.points = chart.option.series.flatMap((series) => series.data.filter((point) => point.id));
    this.points.sort((one, other) => one.value[0] - other.value[0]);
    this.byLayer = new Map();
    for (const point of this.points) for (const id of [point.id, ...(point.also || [])]) this.byLayer.set(id, point);
    this.isOfPlaces = chart.measures[0].format === "place";
    this.element = convcalc.slider(figure, chart, this);
    this.draw();
    state.subscribe((what) => (what === "selected" ? this.mark() : what === "axes" && this.draw()));
    document.addEventListener("convcalc:theme", () => this.draw());
    new ResizeObserver(() => this.fit()).observe(this.element);
    for (const [event, width] of [["beforeprint", 600], ["afterprint", undefined]]) {
      window.addEventListener(event, () => this.draw(width));
    }
  }

  /** Draw it anew, in the colours of now; so wide, or as its place is. */
  draw(width) {
    if (this.drawing) this.drawing.dispose();
    const colours = convcalc.colours();
    const theme = convcalc.chartTheme(colours, getComputedStyle(this.element).fontFamily);
    this.drawing = echarts.init(this.element, theme, { renderer: "svg", width });
    const option = convcalc.chartOption(this.chart, this.drawing.getWidth());
    option.tooltip = { ...option.tooltip, confine: true, formatter: (hovered) => this.tooltip(hovered) };
    option.series.push(convcalc.selectedSeries(colours));
    this.drawing.setOption(option);
    this.drawing.getZr().on("click", (event) => this.clicked(event));
    this.mark();
  }

  fit() {
    const width = this.element.clientWidth;
    if (width && width !== this.drawing.getWidth()) this.draw();
  }

  /** What a tooltip has, made of nodes, so that a name in it stays a name. */
  tooltip(hovered) {
    const item = Array.isArray(hovered) ? hovered.find((entry) => entry.data && entry.data.id) : hovered;
    const point = item && item.data;
    if (!point || !point.id) return "";
    const box = document.createElement("div");
    for (const [place, text] of this.texts(point).entries()) {
      const line = box.appendChild(document.createElement(place === 0 ? "strong" : "div"));
      line.textContent = text;
    }
    return box;
  }

  /** A point in words: the layer with its kind and shape, its numbers, and what else lies there. */
  texts(point) {
    const node = convcalc.item(this.state.network, point.id);
    const numbers = convcalc.pointTexts(this.chart, point.value).map((line) => `${line.name} ${line.text}`);
    const notes = (point.notes || []).slice(0, convcalc.MOST_NOTES);
    const others = point.also ? [`and ${convcalc.exact(point.also.length)} more layer${point.also.length > 1 ? "s" : ""}`] : [];
    return [node ? node.name : "", node ? [node.kind, node.summary, node.shape].filter(Boolean).join(" ") : "", ...numbers, ...notes, ...others];
  }

  /** Select the point that was clicked; on an axis of layers, the layer below the pointer. */
  clicked(event) {
    const at = [event.offsetX, event.offsetY];
    if (!this.drawing.containPixel("grid", at)) return;
    const point = this.isOfPlaces ? this.nearestPlace(at) : this.nearest(at, 24);
    if (point) this.choose(point);
  }

  nearestPlace(at) {
    const place = this.drawing.convertFromPixel("grid", at)[0];
    return convcalc.least(this.points, (point) => Math.abs(point.value[0] - place));
  }

  /** The point that is nearest to a pixel, none where that is too far. */
  nearest(at, most) {
    const distance = (point) => Math.hypot(...this.drawing.convertToPixel("grid", point.value).map((end, axis) => end - at[axis]));
    const point = convcalc.least(this.points, distance);
    return point && distance(point) <= most ? point : null;
  }

  choose(point) {
    if (!this.isSelected(point)) this.state.select(point.id);
  }

  isSelected(point) {
    return this.byLayer.get(this.state.selected) === point;
  }

  /** Mark what is selected: the point of a layer, all those of a block, or where these are on an axis of layers. */
  mark() {
    const points = [...new Set(convcalc.layersOf(this.state).map((id) => this.byLayer.get(id)).filter(Boolean))];
    const isSpan = this.isOfPlaces && points.length > 1;
    const data = isSpan ? [] : points.map((point) => ({ value: point.value, symbolSize: (point.symbolSize || 5) + 6 }));
    const places = points.map((point) => point.value[0]).sort((one, other) => one - other);
    const area = isSpan ? [[{ xAxis: places[0] - 0.5 }, { xAxis: places[places.length - 1] + 0.5 }]] : [];
    this.drawing.setOption({ series: [{ id: "selected", data, markArea: { data: area } }] });
    this.tell(points[0]);
  }

  /** Say to who cannot see where on the chart the selection is. */
  tell(point) {
    const place = point ? this.points.indexOf(point) : 0;
    this.element.setAttribute("aria-valuenow", String(place + 1));
    this.element.setAttribute("aria-valuetext", point ? this.texts(point).filter(Boolean).join(", ") : "no layer is selected");
  }

  /** Go on by so many points from the one that is selected. */
  step(by) {
    const point = this.byLayer.get(this.state.selected);
    const next = point ? this.points.indexOf(point) + by : by > 0 ? 0 : this.points.length - 1;
    this.choose(this.points[Math.max(0, Math.min(this.points.length - 1, next))]);
  }
};

/** The ids of the layers that are selected: one, those of a block, or none. */
convcalc.layersOf = function (state) {
  if (state.selected === null) return [];
  if (state.selected[0] === "n") return [state.selected];
  const part = convcalc.item(state.network, state.selected);
  return Array.from({ length: part.last - part.first }, (_, place) => `n${part.first + place}`);
};

/** The item for which a number is the least; null of none. */
convcalc.least = function (items, number) {
  let best = null;
  let least = Infinity;
  for (const item of items) {
    const own = number(item);
    if (own < least) [best, least] = [item, own];
  }
  return best;
};

/** The series that shows what is selected, over all others. */
convcalc.selectedSeries = function (colours) {
  return {
    id: "selected",
    type: "scatter",
    silent: true,
    z: 5,
    symbol: "circle",
    itemStyle: { color: "transparent", borderColor: colours.bad, borderWidth: 2, opacity: 1 },
    tooltip: { show: false },
    data: [],
  };
};

/** The place of a chart, which the arrow keys walk through point by point, as along a slider. */
convcalc.slider = function (figure, chart, view) {
  const element = figure.appendChild(document.createElement("div"));
  element.className = "chart-plot";
  element.style.height = `${chart.height}px`;
  const attributes = { role: "slider", tabindex: "0", "aria-label": `${chart.title}: layers`, "aria-valuemin": "1", "aria-valuemax": String(view.points.length) };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
  element.addEventListener("keydown", (event) => {
    if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    view.step(steps[event.key]);
  });
  return element;
};

/** A figure with its heading, what draws it, and what it shows in words. */
convcalc.chartFigure = function (slot, state, chart) {
  const figure = slot.appendChild(document.createElement("figure"));
  figure.className = "chart";
  figure.dataset.chart = chart.id;
  const heading = figure.appendChild(document.createElement("h3"));
  heading.textContent = chart.title;
  const caption = document.createElement("figcaption");
  caption.textContent = chart.text;
  figure.view = chart.drawing ? convcalc.fieldDrawing(figure, state, chart) : new convcalc.ChartView(figure, state, chart);
  figure.appendChild(caption);
};

convcalc.slots.charts = function (slot, state) {
  for (const chart of state.network.charts || []) convcalc.chartFigure(slot, state, chart);
};
