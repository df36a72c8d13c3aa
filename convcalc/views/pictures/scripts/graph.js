"use strict";
/* The graph on the page: what is drawn by drawing.js, to be opened, walked through, looked at from near and far. */
(function () {
  const MOST_NODES = 500; // that are opened at once; a reader has lost the way long before
  const SMALLEST = 0.1;
  const LARGEST = 3;
  const READABLE = 0.8;
  const NARROW = 520; // width of a view in which nodes are slim
  const SLIM = 138;
  let graphs = 0;

  const button = (text, label, act) => {
    return convcalc.make("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
  };

  /** The graph of one network in its slot. `this.at` is the id of the node that the keyboard is at. */
  class Graph {
    constructor(slot, state) {
      this.state = state;
      this.network = state.network;
      this.scale = 1;
      this.at = "n0";
      this.view = convcalc.make("div", { class: "graph-view" });
      this.status = convcalc.make("p", { class: "graph-status", role: "status" });
      this.legend = convcalc.make("p", { class: "graph-legend" });
      this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      this.svg.setAttribute("class", "drawing");
      this.svg.setAttribute("role", "group");
      this.svg.setAttribute("aria-label", `Graph of ${this.network.name}. ${Graph.KEYS}`);
      this.view.append(this.svg);
      slot.classList.add("graph");
      slot.append(this.tools(), this.view, this.legend, this.status);
      this.listen();
      this.arrange();
      this.fit(true);
      state.subscribe((what) => this.changed(what));
    }

    tools() {
      const zoom = convcalc.make("div", { class: "graph-zoom", role: "group", "aria-label": "Size of the graph" }, [
        button("−", "Smaller (-)", () => this.zoom(1 / 1.25)),
        button("+", "Larger (+)", () => this.zoom(1.25)),
        button("Fit", "Fit the width (0)", () => this.fit()),
      ]);
      const blocks = convcalc.make("div", { class: "graph-blocks", role: "group", "aria-label": "Blocks" }, [
        button("Open all", "Open all blocks", () => this.openAll()),
        button("Close all", "Close all blocks", () => this.openOnly(new Set())),
      ]);
      return convcalc.make("div", { class: "graph-tools" }, [this.modes(), ...(this.network.parts.length ? [blocks] : []), zoom]);
    }

    /** What is coloured by, as radio buttons. */
    modes() {
      const group = `graph-mode-${graphs++}`;
      this.radios = convcalc.modes(this.network).map((mode) => {
        const radio = convcalc.make("input", { type: "radio", name: group, value: mode });
        radio.checked = mode === this.state.mode;
        radio.addEventListener("change", () => this.state.colour(mode));
        return radio;
      });
      const labels = this.radios.map((radio) => convcalc.make("label", {}, [radio, ` ${convcalc.amounts[radio.value].title}`]));
      return convcalc.make("fieldset", { class: "graph-modes" }, [convcalc.make("legend", {}, ["Colour by"]), ...labels]);
    }

    /* Drawing */

    /** Lay out what is seen now for the width that there is, and draw it. */
    arrange() {
      this.width = this.view.clientWidth || 800;
      const room = { width: Math.max(180, this.width - 4), height: Math.max(380, window.innerHeight * 0.55) };
      if (this.width < NARROW) room.node = SLIM;
      this.scene = convcalc.scene(this.network, this.state.open, room);
      this.standIns = convcalc.seen(this.network, this.state.open);
      this.draw();
    }

    draw() {
      const { width, height } = this.scene.layout;
      const body = convcalc.drawing(this.network, this.scene, { mode: this.state.mode, interactive: true, least: this.scaled().largest });
      const text = `<svg xmlns="http://www.w3.org/2000/svg">${body}</svg>`;
      const drawn = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
      this.svg.replaceChildren(...[...drawn.childNodes].map((node) => document.importNode(node, true)));
      this.svg.setAttribute("viewBox", `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`);
      this.items = new Map([...this.svg.querySelectorAll("[data-id]")].map((node) => [node.dataset.id, node]));
      this.edges = [...this.svg.querySelectorAll(".edge, .flow")];
      this.resize();
      this.mark();
      this.explain();
      this.walkable(this.shown(this.at));
    }

    resize() {
      this.svg.setAttribute("width", Math.ceil(this.scene.layout.width * this.scale));
      this.svg.setAttribute("height", Math.ceil(this.scene.layout.height * this.scale));
    }

    /** What the scale of the colours reaches to: {network, seen, largest} of this side, or of the one beside it. */
    scaled() {
      const { peer, mode } = this.state;
      const side = (network, seen) => {
        const items = seen.nodes.map(({ id }) => convcalc.item(network, id));
        return { network, seen, largest: convcalc.largest(network, items, mode) };
      };
      const own = side(this.network, this.scene.seen);
      const other = peer && side(peer.network, convcalc.visible(peer.network, peer.open));
      return other && other.largest > own.largest ? other : own;
    }

    /** The scale of the colours in words and swatches. */
    explain() {
      const { network, seen } = this.scaled();
      const most = convcalc.legend(network, seen, this.state.mode);
      const swatches = [0, 1, 2, 3, 4, 5].map((step) => convcalc.make("span", { class: `swatch heat-${step}`, "aria-hidden": "true" }));
      const scale = [convcalc.make("span", {}, ["0"]), convcalc.make("span", { class: "swatches" }, swatches), convcalc.make("span", {}, [most])];
      this.legend.replaceChildren(...(most ? scale : [`no ${convcalc.amounts[this.state.mode].title} is known`]));
    }

    /** What of an id can be seen: itself, or the closed block around it. */
    shown(id) {
      if (id === null || this.items.has(id)) return id;
      const index = Number(id.slice(1));
      return this.standIns[id[0] === "n" ? index : this.network.parts[index].first] ?? null;
    }

    /** Mark what is selected and what the search finds. */
    mark() {
      const shown = this.shown(this.state.selected);
      const matching = this.matching();
      for (const [id, node] of this.items) {
        node.classList.toggle("selected", id === shown);
        if (id === shown) node.setAttribute("aria-current", "true");
        else node.removeAttribute("aria-current");
        node.classList.toggle("matching", matching?.has(id) ?? false);
      }
      for (const ground of this.svg.querySelectorAll(".ground")) ground.classList.toggle("selected", ground.dataset.of === shown);
      this.svg.classList.toggle("searched", matching !== null);
    }

    /** The ids of all that is seen of layers that the search finds; null where nothing is searched for. */
    matching() {
      const search = this.state.search.trim().toLowerCase();
      if (!search) return null;
      const fits = ({ name, kind, shape }) => [name, kind, shape].some((text) => text.toLowerCase().includes(search));
      return new Set(this.standIns.filter((id, index) => fits(this.network.nodes[index])));
    }

    /* Changes */

    changed(what) {
      if (what === "open") {
        this.reopened();
        this.status.textContent = `${this.scene.seen.nodes.length} nodes`;
      } else if (what === "selected") this.selected();
      else if (what === "mode") {
        for (const radio of this.radios) radio.checked = radio.value === this.state.mode;
        this.draw();
      } else if (what === "marks") this.draw(); // the other side has another largest amount
      else this.mark();
    }

    /** Draw anew, with what was just opened or closed, or was at the top, where it was. */
    reopened() {
      const held = this.items.has(this.acting) ? this.acting : this.topmost();
      const before = this.items.get(held)?.getBoundingClientRect();
      const focused = this.view.contains(document.activeElement);
      this.arrange();
      const after = this.items.get(this.shown(held))?.getBoundingClientRect();
      if (before && after) this.view.scrollBy(after.left - before.left, after.top - before.top);
      if (focused) this.focus(this.shown(this.at) ?? this.at);
    }

    /** The first node in sight. */
    topmost() {
      const { top } = this.view.getBoundingClientRect();
      for (const [id, node] of this.items) if (node.getBoundingClientRect().bottom > top) return id;
      return null;
    }

    selected() {
      this.mark();
      const shown = this.shown(this.state.selected);
      if (shown === null) return;
      this.walkable(shown);
      if (this.acting !== shown) this.show(this.items.get(shown));
    }

    /** Scroll so that a node is in sight, near the middle where it was not; the page itself stays where it is. */
    show(node) {
      const [inner, outer] = [node.getBoundingClientRect(), this.view.getBoundingClientRect()];
      const off = (low, high, from, to) => (low >= from && high <= to ? 0 : (low + high - from - to) / 2);
      this.view.scrollBy(off(inner.left, inner.right, outer.left, outer.right), off(inner.top, inner.bottom, outer.top, outer.bottom));
    }

    /* What a reader does */

    listen() {
      this.view.addEventListener("click", (event) => this.act(event.target.closest("[data-id]")?.dataset.id));
      this.view.addEventListener("keydown", (event) => this.press(event));
      this.view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      this.view.addEventListener("pointerdown", (event) => this.drag(event));
      this.view.addEventListener("pointerover", (event) => this.point(event.target.closest("[data-id]")?.dataset.id));
      this.view.addEventListener("focusin", (event) => this.point(event.target.closest("[data-id]")?.dataset.id));
      this.view.addEventListener("pointerleave", () => this.point(undefined));
      new ResizeObserver(() => {
        if (Math.abs(this.view.clientWidth - this.width) <= 24) return;
        this.reopened();
        if (this.isFitted) this.fit(true);
      }).observe(this.view);
    }

    /** Select a layer; open or close a block. */
    act(id) {
      if (id === undefined) return;
      this.acting = id;
      this.at = id;
      this.state.select(id);
      if (id[0] === "p") this.state.toggle(Number(id.slice(1)));
      this.acting = null;
    }

    /** Make the edges of a node stand out. */
    point(id) {
      for (const edge of this.edges) {
        edge.classList.toggle("near", id !== undefined && (edge.dataset.from === id || edge.dataset.to === id));
      }
    }

    press(event) {
      const id = event.target.closest?.("[data-id]")?.dataset.id;
      if (event.ctrlKey || event.metaKey || event.altKey || id === undefined) return;
      const act = {
        Enter: () => this.act(id),
        " ": () => this.act(id),
        Escape: () => this.leave(id),
        ArrowDown: () => this.focus(this.along(id, "from", "to")),
        ArrowUp: () => this.focus(this.along(id, "to", "from")),
        ArrowRight: () => this.focus(this.beside(id, 1)),
        ArrowLeft: () => this.focus(this.beside(id, -1)),
        Home: () => this.focus(this.scene.seen.nodes[0].id),
        End: () => this.focus(this.scene.seen.nodes[this.scene.seen.nodes.length - 1].id),
        "+": () => this.zoom(1.25),
        "-": () => this.zoom(1 / 1.25),
        0: () => this.fit(),
      }[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    }

    parent(id) {
      return [...this.scene.seen.nodes, ...this.scene.seen.clusters].find((item) => item.id === id)?.parent ?? null;
    }

    /** The block around a node, closed. */
    leave(id) {
      const around = this.parent(id);
      if (around !== null) this.act(around);
    }

    /** The other end of the first edge; from the title of an open block into it, and from its first node to the title. */
    along(id, near, far) {
      const edge = this.scene.seen.edges.find((item) => item[near] === id);
      if (near === "from") {
        const inside = [...this.scene.seen.clusters, ...this.scene.seen.nodes].find((item) => item.parent === id);
        return inside?.id ?? edge?.[far];
      }
      const around = this.parent(id);
      const enters = around !== null && (!edge || !this.within(edge[far], around));
      return enters ? around : edge?.[far] ?? this.before(id);
    }

    /** Whether a node is in an open block, at any depth. */
    within(id, cluster) {
      for (let at = this.parent(id); at !== null; at = this.parent(at)) if (at === cluster) return true;
      return false;
    }

    /** What leads to the first layer of an open block. */
    before(id) {
      if (id[0] !== "p" || this.state.open.has(Number(id.slice(1))) === false) return undefined;
      return this.scene.seen.edges.find(({ from, to }) => this.within(to, id) && !this.within(from, id))?.from;
    }

    /** The nearest node at the right (1) or left (-1), of those that are about as high up. */
    beside(id, way) {
      const own = this.scene.layout.boxes[id];
      const others = this.scene.seen.nodes.map((item) => ({ id: item.id, box: this.scene.layout.boxes[item.id] }));
      const distance = ({ box }) => Math.abs(box.x - own.x) + 2 * Math.abs(box.y - own.y);
      const there = others.filter(({ box }) => (box.x - own.x) * way > 1 && Math.abs(box.y - own.y) < 120);
      return there.sort((a, b) => distance(a) - distance(b))[0]?.id;
    }

    focus(id) {
      const node = this.items.get(id ?? null);
      if (!node) return;
      this.walkable(id);
      node.focus({ preventScroll: true });
      this.show(node);
    }

    /** The one node that the tabulator key leads to. */
    walkable(id) {
      this.items.get(this.at)?.setAttribute("tabindex", "-1");
      this.at = this.items.has(id) ? id : this.scene.seen.nodes[0].id;
      this.items.get(this.at).setAttribute("tabindex", "0");
    }

    openOnly(parts) {
      this.state.open = parts;
      this.state.tell("open");
    }

    /** Open all blocks, or as many levels of them as can be looked at. */
    openAll() {
      const count = (open) => new Set(convcalc.seen(this.network, open)).size;
      let [depth, open] = [0, new Set()];
      for (;;) {
        const next = convcalc.openTo(this.network, depth + 1);
        if (next.size === open.size || count(next) > MOST_NODES) break;
        [depth, open] = [depth + 1, next];
      }
      this.openOnly(open);
      const left = this.network.parts.length - open.size;
      if (left) this.status.textContent = `${left} blocks stay closed: more than ${MOST_NODES} nodes are too many to look at`;
    }

    /* Near and far */

    /** Larger or smaller, with a point of the view, the middle without one, staying where it is. */
    zoom(factor, at = { x: this.view.clientWidth / 2, y: this.view.clientHeight / 2 }) {
      const { left, top } = this.view.getBoundingClientRect();
      const [x, y] = [left + at.x, top + at.y];
      const before = this.svg.getBoundingClientRect();
      const scale = Math.max(SMALLEST, Math.min(LARGEST, this.scale * factor));
      const grown = scale / this.scale;
      this.scale = scale;
      this.isFitted = false;
      this.resize();
      const after = this.svg.getBoundingClientRect();
      this.view.scrollBy(after.left + (x - before.left) * grown - x, after.top + (y - before.top) * grown - y);
    }

    /** As large as the width takes, and never larger than it is drawn; `first`: nor smaller than can be read. */
    fit(first = false) {
      const { layout, seen } = this.scene;
      this.isFitted = true;
      this.scale = Math.max(first ? READABLE : SMALLEST, Math.min(1, (this.view.clientWidth - 2) / layout.width));
      this.resize();
      const box = layout.boxes[seen.nodes[0].id];
      const middle = (box.x + box.width / 2) * this.scale;
      this.view.scrollTo({ left: first ? middle - this.view.clientWidth / 2 : 0 });
    }

    wheel(event) {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { left, top } = this.view.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 300), { x: event.clientX - left, y: event.clientY - top });
    }

    /** Move what is seen by dragging with a mouse; fingers scroll without our doing. */
    drag(event) {
      if (event.pointerType !== "mouse" || event.button !== 0 || event.target.closest("[data-id]")) return;
      const start = { x: event.clientX + this.view.scrollLeft, y: event.clientY + this.view.scrollTop };
      const move = (moved) => this.view.scrollTo(start.x - moved.clientX, start.y - moved.clientY);
      this.view.setPointerCapture(event.pointerId);
      this.view.classList.add("dragged");
      this.view.addEventListener("pointermove", move);
      const end = () => {
        this.view.removeEventListener("pointermove", move);
        this.view.classList.remove("dragged");
      };
      this.view.addEventListener("lostpointercapture", end, { once: true });
    }
  }

  Graph.KEYS =
    "Arrow keys walk along the edges, Enter opens or closes a block and selects a layer, Escape closes the block around.";
  convcalc.Graph = Graph;
  convcalc.slots.graph = (slot, state) => new Graph(slot, state);
})();
