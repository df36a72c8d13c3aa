"use strict";
/* Receptive fields over the frame of the input, to scale: rectangles within each other, and a list of some of them. */

/** An element of SVG with attributes. */
convcalc.svgElement = function (parent, name, attributes) {
  const element = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
};

/**
 * The drawing of fields in a figure. `chart.drawing` has the `frame` (the input's sizes), how many of them the picture
 * goes at the `farthest`, the distinct `windows` (where
 * each begins on every axis, then its sizes), `of` (the window of each node, -1 for none), the windows that are `drawn`
 * whatever is selected, and those that are `named`.
 */
convcalc.fieldDrawing = function (figure, state, chart) {
  const view = new convcalc.FieldView(chart.drawing, state);
  const body = figure.appendChild(document.createElement("div"));
  body.className = "field-body";
  view.mount(body, chart);
  state.subscribe((what) => what === "selected" && view.mark());
  view.mark();
  return view;
};

convcalc.FieldView = class {
  constructor(drawing, state) {
    this.drawing = drawing;
    this.state = state;
    this.rank = drawing.frame.length;
    this.named = new Set(drawing.named.map((entry) => entry.window));
    this.chosen = []; // the box of what is selected, in each picture
    this.buttons = [];
  }

  mount(body, chart) {
    for (const axes of this.projections()) this.project(body, axes, chart);
    this.list(body);
  }

  /** The pairs of axes that are drawn, down and across: a volume from the front and from above. */
  projections() {
    if (this.rank === 1) return [[null, 0]];
    return this.rank === 2 ? [[0, 1]] : [[1, 2], [0, 2]];
  }

  /** A window on two axes; a line of input is drawn as a band, on which all are as high as it is. */
  corners(window, axes, unit) {
    const [[y, height], [x, width]] = axes.map((axis) => (axis === null ? [0, unit] : [window[axis], window[this.rank + axis]]));
    return { x, y, width, height };
  }

  project(body, axes, chart) {
    const extents = axes.map((axis) => (axis === null ? 1 : this.drawing.frame[axis]));
    const band = axes[0] === null;
    const bounds = axes.map((axis, place) => this.bounds(axis, extents[place]));
    const unit = band ? (bounds[1][1] - bounds[1][0]) * 0.16 : 1; // a band is as high as can be seen
    const [top, bottom] = band ? [0, unit] : bounds[0];
    const [left, right] = bounds[1];
    const margin = 0.02 * Math.max(right - left, bottom - top);
    const [width, height] = [right - left + 2 * margin, bottom - top + 2 * margin];
    const viewBox = [left - margin, top - margin, width, height].join(" ");
    const label = { role: "img", "aria-label": `${chart.title}. ${chart.text}` };
    const picture = convcalc.svgElement(body, "svg", { class: "field-picture", viewBox, ...label });
    picture.style.aspectRatio = `${width} / ${height}`;
    // An inner one cuts off what reaches out, also where the outer one has more room than it needs.
    const svg = convcalc.svgElement(picture, "svg", { viewBox, x: left - margin, y: top - margin, width, height });
    const place = (number) => this.corners(this.drawing.windows[number], axes, unit);
    const order = [...this.drawing.drawn].sort((one, other) => this.area(other) - this.area(one));
    for (const number of order) this.box(svg, number, place(number));
    const input = { x: 0, y: 0, width: extents[1], height: band ? unit : extents[0] };
    convcalc.svgElement(svg, "rect", { class: "field-input", ...input });
    this.chosen.push([convcalc.svgElement(svg, "rect", { class: "field-selected" }), place]);
  }

  /** The ends of a picture on an axis: the input, and as much of what reaches out of it as may be. */
  bounds(axis, extent) {
    if (axis === null) return [0, 1];
    const spare = ((this.drawing.farthest - 1) / 2) * extent;
    const starts = this.drawing.windows.map((window) => window[axis]);
    const ends = this.drawing.windows.map((window) => window[axis] + window[this.rank + axis]);
    const least = starts.reduce((one, other) => Math.min(one, other), 0);
    const most = ends.reduce((one, other) => Math.max(one, other), extent);
    return [Math.max(least, -spare), Math.min(most, extent + spare)];
  }

  area(number) {
    return this.drawing.windows[number].slice(this.rank).reduce((one, other) => one * other, 1);
  }

  box(svg, number, corners) {
    const box = convcalc.svgElement(svg, "rect", { class: this.named.has(number) ? "field-box named" : "field-box", ...corners });
    const layer = this.drawing.of.indexOf(number);
    convcalc.svgElement(box, "title", {}).textContent = `${this.state.network.nodes[layer].name}: ${this.size(number)}`;
    box.addEventListener("click", () => this.state.select(`n${layer}`));
  }

  size(number) {
    return this.drawing.windows[number].slice(this.rank).join("x");
  }

  /** Some of the fields by their layers, the largest first: what can be reached by the keyboard. */
  list(body) {
    const list = body.appendChild(document.createElement("ul"));
    list.className = "field-list";
    const input = list.appendChild(document.createElement("li"));
    input.className = "field-legend";
    input.appendChild(document.createElement("strong")).textContent = this.drawing.frame.join("x");
    input.appendChild(document.createElement("span")).textContent = "input";
    for (const entry of [...this.drawing.named].reverse()) {
      const button = list.appendChild(document.createElement("li")).appendChild(document.createElement("button"));
      button.type = "button";
      button.appendChild(document.createElement("strong")).textContent = this.size(entry.window);
      button.appendChild(document.createElement("span")).textContent = entry.name;
      button.addEventListener("click", () => this.state.select(entry.id));
      this.buttons.push([entry.window, button]);
    }
    const sizes = [...list.querySelectorAll("strong")];
    const longest = Math.max(...sizes.map((size) => size.textContent.length));
    for (const size of sizes) size.style.minWidth = `${longest}ch`;
    this.words = body.appendChild(document.createElement("p"));
    this.words.className = "field-chosen";
  }

  /** Show the field of what is selected: of a layer its own, of a block that of its last layer. */
  mark() {
    const layers = convcalc.layersOf(this.state);
    const layer = layers.length ? Number(layers[layers.length - 1].slice(1)) : -1;
    const number = layer < 0 ? -1 : this.drawing.of[layer];
    for (const [box, place] of this.chosen) {
      const corners = number < 0 ? { width: 0, height: 0 } : place(number);
      for (const [name, value] of Object.entries(corners)) box.setAttribute(name, String(value));
    }
    for (const [window, button] of this.buttons) button.setAttribute("aria-pressed", String(window === number));
    this.words.textContent = layer < 0 ? "" : `${this.state.network.nodes[layer].name}: ${this.seen(layer, number)}`;
  }

  seen(layer, number) {
    return number >= 0 ? this.size(number) : this.state.network.nodes[layer].field_text || "sees nothing of the input";
  }
};
