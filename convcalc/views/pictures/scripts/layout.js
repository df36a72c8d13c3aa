"use strict";
/* Where everything is in the picture of a graph. Ranks, orders and places are dagre's, a level of blocks at a time: what
   is in an open block is laid out by itself, and the block stands in the level around it as large as that takes. */
(function () {
  const NODE = { width: 176, height: 58 };
  const INPUT = 42; // the height of an input, which has a line less
  const LABEL = 15; // the height of an edge's text
  const TITLE = 22; // of the bar by which an open block is closed
  const RIM = 12; // between the border of an open block and what is in it
  const GAP = 22; // between neighbours in a rank
  const MARGIN = 14; // around the picture
  convcalc.TITLE = TITLE;

  /** The different shapes that flow along an edge, as its text. */
  const label = (shapes) => (shapes.size > 2 ? `${shapes.size} shapes` : [...shapes].join(", "));

  /** For every cluster, and for null (the outermost level), what is directly in it. */
  function contents(seen) {
    const inside = new Map([[null, []], ...seen.clusters.map(({ id }) => [id, []])]);
    for (const { id, parent } of [...seen.clusters, ...seen.nodes]) inside.get(parent).push(id);
    return inside;
  }

  /**
   * The edges of every level. One from a block into another is, in the level of both, an edge between what is there
   * around its ends; on the way there one to the "bottom" of every block that it leaves, and from the "top" of every one
   * that it enters. `steps` of an edge of the graph are these, in their order.
   */
  function split(seen) {
    const parents = new Map([...seen.clusters, ...seen.nodes].map(({ id, parent }) => [id, parent]));
    const levels = new Map([null, ...parents.keys()].map((id) => [id, new Map()]));
    const step = (level, from, to, shapes) => {
      const key = `${from} ${to}`;
      const edges = levels.get(level);
      if (!edges.has(key)) edges.set(key, { from, to, shapes: new Set() });
      for (const shape of shapes) edges.get(key).shapes.add(shape);
      return { level, key };
    };
    const around = (id) => {
      const chain = [id];
      while (chain[chain.length - 1] !== null) chain.push(parents.get(chain[chain.length - 1]));
      return chain;
    };
    const steps = seen.edges.map(({ from, to, shapes }) => {
      const [left, entered] = [around(from), around(to)];
      while (left.length > 1 && entered.length > 1 && left[left.length - 2] === entered[entered.length - 2]) {
        left.pop();
        entered.pop();
      }
      const [out, into] = [left.slice(0, -1), entered.slice(0, -1).reverse()];
      return [
        ...out.slice(0, -1).map((id, index) => step(out[index + 1], id, "bottom", [])),
        step(left[left.length - 1], out[out.length - 1], into[0], shapes),
        ...into.slice(1).map((id, index) => step(into[index], "top", id, [])),
      ];
    });
    return { levels, steps };
  }

  /** A point on the border of a node: below the next one of the way where the node is as wide. */
  function port({ x, width }, y, toward) {
    const rim = 14;
    return { x: Math.max(x + rim, Math.min(x + width - rim, toward.x)), y };
  }

  /**
   * The points of a way, and more where a rank has nodes of different heights: the way leaves a rank or comes into it
   * above or below all that it would else run through. `rows` are the boxes by the height of their middles.
   */
  function around(points, middles, rows) {
    const reach = (y, left, right) => {
      const met = (rows.get(y) ?? []).filter(({ x, width }) => x < right && x + width > left);
      return Math.max(0, ...met.map(({ height }) => height / 2));
    };
    const way = [points[0]];
    for (let index = 1; index < points.length; index++) {
      const [from, to] = [points[index - 1], points[index]];
      const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
      if (right - left > 0.1) {
        const foot = middles[index - 1] + reach(middles[index - 1], left, right);
        const head = middles[index] - reach(middles[index], left, right);
        if (foot > from.y) way.push({ x: from.x, y: foot });
        if (head < to.y) way.push({ x: to.x, y: head });
      }
      way.push(to);
    }
    return way;
  }

  /** The edges of a level that dagre has laid out, from border to border. */
  function ways(graph, edges, boxes) {
    const middle = (id) => graph.node(id).y;
    const rows = new Map();
    for (const [id, item] of Object.entries(boxes)) rows.set(middle(id), [...(rows.get(middle(id)) ?? []), item]);
    return edges.map(({ from, to, shapes }) => {
      const { points, x, y, width } = graph.edge(from, to);
      const inner = points.slice(1, -1);
      const [source, target] = [boxes[from], boxes[to]];
      const first = source ? port(source, source.y + source.height, inner[0] ?? points[1]) : points[0];
      const last = target ? port(target, target.y, inner[inner.length - 1] ?? first) : points[points.length - 1];
      const way = around([first, ...inner, last], [middle(from), ...inner.map((point) => point.y), middle(to)], rows);
      return { from, to, shapes: [...shapes], points: way, at: { x, y }, wide: shapes.size ? width : 0 };
    });
  }

  /** A level as dagre lays it out: {boxes, ways}. With `ends`, all of it is between a top and a bottom. */
  function ranked(ids, edges, sizes, ends, gap) {
    const graph = new dagre.graphlib.Graph();
    graph.setGraph({ rankdir: "TB", nodesep: gap, edgesep: 14, ranksep: 34 });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const id of ids) graph.setNode(id, { ...sizes.get(id) });
    for (const { from, to, shapes } of edges) {
      const wide = shapes.size ? { width: convcalc.textWidth(label(shapes), 11) + 8, height: LABEL, labelpos: "c" } : {};
      for (const end of [from, to]) if (!graph.hasNode(end)) graph.setNode(end, { width: 1, height: 0 });
      graph.setEdge(from, to, wide);
    }
    if (ends) {
      for (const id of ids) {
        if (!graph.predecessors(id).length) graph.setEdge("top", id);
        if (!graph.successors(id).length) graph.setEdge(id, "bottom");
      }
      for (const end of ["top", "bottom"]) graph.setNode(end, { width: 1, height: 0 });
    }
    dagre.layout(graph);
    const boxes = {};
    for (const id of ids) {
      const { x, y, width, height } = graph.node(id);
      boxes[id] = { x: x - width / 2, y: y - height / 2, width, height };
    }
    return { boxes, ways: ways(graph, edges, boxes) };
  }

  /** How far what is in a level reaches. */
  function extent({ boxes, ways }) {
    const size = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
    const take = (x, y, width, height) => {
      size.left = Math.min(size.left, x);
      size.right = Math.max(size.right, x + width);
      size.top = Math.min(size.top, y);
      size.bottom = Math.max(size.bottom, y + height);
    };
    for (const { x, y, width, height } of Object.values(boxes)) take(x, y, width, height);
    for (const { points, at, wide, from, to } of ways) {
      const within = points.slice(from === "top" ? 1 : 0, to === "bottom" ? -1 : undefined);
      for (const { x, y } of within) take(x, y, 0, 0);
      if (wide) take(at.x - wide / 2, at.y - LABEL / 2, wide, LABEL);
    }
    return size;
  }

  /** A level moved so that it lies within its block, which has its origin in its upper left corner: and how large that is. */
  function placed(level, title) {
    const { left, right, top, bottom } = extent(level);
    const above = title ? TITLE + RIM + 10 : MARGIN; // room for edges that part once they are in
    const side = title ? RIM : MARGIN;
    const width = right - left + 2 * side;
    const height = bottom - top + above + side;
    const move = (item) => ({ ...item, x: item.x - left + side, y: item.y - top + above });
    const boxes = Object.fromEntries(Object.entries(level.boxes).map(([id, item]) => [id, move(item)]));
    const led = level.ways.map((way) => {
      const points = way.points.map(move);
      if (way.from === "top") points[0].y = 0;
      if (way.to === "bottom") points[points.length - 1].y = height;
      return { ...way, points, at: move(way.at) };
    });
    return { boxes, ways: led, width, height };
  }

  /** Every level, laid out from the innermost to the outermost, by the id of its block. */
  function laidOut(network, seen, levels, room) {
    const inside = contents(seen);
    const width = room.node ?? NODE.width;
    const height = (id) => (convcalc.item(network, id).costs ? NODE.height : INPUT);
    const sizes = new Map(seen.nodes.map(({ id }) => [id, { width, height: height(id) }]));
    const gap = Math.round((GAP * width) / NODE.width);
    const made = new Map();
    for (const id of [...seen.clusters.map((cluster) => cluster.id).reverse(), null]) {
      const level = ranked(inside.get(id), [...levels.get(id).values()], sizes, id !== null, gap);
      const limit = room.height * (id === null ? 1 : 2); // a block is read as it runs, as long as that can be
      const columns = { width: room.width - 2 * MARGIN, height: limit };
      made.set(id, placed(convcalc.columned(level, columns), id !== null));
      sizes.set(id, { width: made.get(id).width, height: made.get(id).height });
    }
    return { made, inside };
  }

  /** Where the origin of every level is in the picture, and from there every box. */
  function located(made, inside) {
    const origins = new Map([[null, { x: 0, y: 0 }]]);
    const boxes = {};
    for (const [id, ids] of inside) { // outer ones come first
      const origin = origins.get(id);
      for (const part of ids) {
        const { x, y, width, height } = made.get(id).boxes[part];
        boxes[part] = { x: x + origin.x, y: y + origin.y, width, height };
        origins.set(part, boxes[part]);
      }
    }
    return { origins, boxes };
  }

  /** The pieces of an edge in the levels that it goes through, each beginning where the one before ends. */
  function joined(pieces) {
    for (let index = 1; index < pieces.length; index++) {
      const before = pieces[index - 1];
      const after = pieces[index];
      const { x, y } = before.points[before.points.length - 1];
      after.points[0] = { x, y };
      if (before.to !== "bottom") after.points.splice(1, 0, { x, y: y + TITLE }); // straight on through the title
      else if (after.bent) after.points[1].x = x;
    }
    return pieces;
  }

  /**
   * Where everything is that `convcalc.visible` gives, in pixels: `boxes` {id: {x, y, width, height}} of nodes and
   * clusters, from their upper left corners; `edges` [{from, to, shapes, pieces: [{points, bent}], label, at,
   * inner}] with the
   * points of their ways, of which those that are `bent` have corners and the others are curves, the middle of the
   * text, and whether that is inside of a block; edges that share their way between two blocks share the text, which the first of them has. `width` and
   * `height` are those of the picture.
   *
   * It goes from top to bottom. What is higher than `room.height` is put into columns where single edges lead on, as
   * many side by side as `room.width` holds. `room.node` is the width of a node, 176 without it.
   */
  convcalc.layout = function (network, seen, room) {
    const { levels, steps } = split(seen);
    const { made, inside } = laidOut(network, seen, levels, room);
    const { origins, boxes } = located(made, inside);
    const drawn = new Map();
    for (const [level, { ways }] of made) for (const way of ways) drawn.set(`${level} ${way.from} ${way.to}`, { level, way });
    const texted = new Set();
    const edges = seen.edges.map((edge, index) => {
      const parts = steps[index].map(({ level, key }) => drawn.get(`${level} ${key}`));
      const pieces = parts.map(({ level, way }) => {
        const { x, y } = origins.get(level);
        return { to: way.to, bent: way.bent ?? false, points: way.points.map((point) => ({ x: point.x + x, y: point.y + y })) };
      });
      const { level, way } = parts.find((part) => part.way.wide) ?? parts[0];
      const text = texted.has(way) ? "" : label(new Set(way.shapes));
      texted.add(way);
      const origin = origins.get(level);
      return { ...edge, pieces: joined(pieces), label: text, inner: level !== null, at: { x: way.at.x + origin.x, y: way.at.y + origin.y } };
    });
    return { boxes, edges, width: made.get(null).width, height: made.get(null).height };
  };
})();
