"use strict";
/* The picture of a graph as SVG. It knows no page: the same text comes out in a browser and on the command line. */
(function () {
  const { xml, cut } = convcalc;
  const PAD = 10; // between the border of a node and its text
  const round = (number) => Math.round(number * 10) / 10;
  const point = ({ x, y }) => `${round(x)} ${round(y)}`;

  /** What a node is: an input, a single layer, or a block with layers in it. */
  const sort = (id, item) => (id[0] === "p" ? "block" : item.costs ? "layer" : "input");

  /** What a block or layer is, as on the command line: `conv 7x7 /2`, `x3 bottleneck`. */
  convcalc.what = function (item) {
    if (item.times != null) return `x${item.times} ${item.kind}`;
    if (item.kind === "section") return `${convcalc.exact(item.last - item.first)} layers`;
    return item.summary ? `${item.kind} ${item.summary}` : item.kind;
  };

  /** The name without that of the open block around it, which stands above. */
  function ownName(network, { id, parent }) {
    const name = convcalc.item(network, id).name;
    const around = parent === null ? "" : `${convcalc.item(network, parent).name}.`;
    return around && name.startsWith(around) && name.length > around.length ? name.slice(around.length) : name;
  }

  /** All that is known of a node in a few lines, for whoever points at it or cannot see it. */
  convcalc.describe = function (network, id) {
    const item = convcalc.item(network, id);
    const amounts = convcalc.modes(network)
      .map((mode) => [convcalc.amounts[mode].title, convcalc.amountText(network, item, mode)])
      .filter(([, text]) => text)
      .map(([title, text]) => `${title} ${text}`);
    const kind = sort(id, item) === "input" && item.name === item.kind ? "" : convcalc.what(item);
    const findings = convcalc.countedFindings(convcalc.findingsAt(network, id));
    return [item.name, kind, item.shape, ...amounts, findings && `lint: ${findings}`].filter(Boolean);
  };

  /** A dot at the corner of what lint finds something in, as grave as the worst of it. */
  function dot(network, id) {
    const worst = convcalc.bySeverity(convcalc.findingsAt(network, id))[0];
    return worst ? `<circle class="lint ${worst[0]}" r="4.5"/>` : "";
  }

  const hint = (network, id) => `<title>${convcalc.describe(network, id).map(xml).join("\n")}</title>`;

  /** Attributes for a page in which one can walk through the picture; a file has none of them. */
  function handles(scene, id, extra) {
    if (!scene.interactive) return "";
    const around = { block: ' aria-expanded="false"', cluster: ' aria-expanded="true"' }[extra] ?? "";
    const label = convcalc.describe(scene.network, id).join(", ");
    const output = scene.outputs.has(id) ? ", output of the network" : "";
    return ` role="button" tabindex="-1"${around} aria-label="${xml(`${label}${output}`)}"`;
  }

  const text = (kind, x, y, content, anchor = "") =>
    `<text class="${kind}" x="${round(x)}" y="${round(y)}"${anchor && ` text-anchor="${anchor}"`}>${xml(content)}</text>`;

  /** How much of the largest it is, as a bar along the lower border: the colour is not all that says it. */
  function bar(share, { width, height }) {
    if (!share || share * (width - 2 * PAD) < 2) return "";
    return `<rect class="bar" x="${PAD}" y="${height - 7}" width="${round(share * (width - 2 * PAD))}" height="3" rx="1.5"/>`;
  }

  function frame(kind, step, { width, height }) {
    const rect = (className, x, y) => `<rect class="${className}" x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>`;
    return (kind === "block" ? rect("behind", 4, 4) : "") + rect(`frame heat-${step ?? "none"}`, 0, 0);
  }

  function node(scene, seen) {
    const { network, mode } = scene;
    const item = convcalc.item(network, seen.id);
    const box = scene.boxes[seen.id];
    const kind = sort(seen.id, item);
    const share = convcalc.shareOf(convcalc.amount(network, item, mode), scene.largest);
    const lines = kind === "input" ? inputLines(item, box) : layerLines(scene, seen, item, box);
    return [
      `<g class="node ${kind}${seen.output ? " output" : ""}" data-id="${seen.id}"${handles(scene, seen.id, kind)}`,
      ` transform="translate(${point(box)})">${hint(network, seen.id)}`,
      frame(kind, convcalc.step(share), box),
      text("name", PAD, 18, cut(ownName(network, seen), box.width - 2 * PAD - (kind === "block" ? 16 : 0), 12, true)),
      ...lines,
      bar(share, box),
      dot(network, seen.id),
      "</g>",
    ].join("");
  }

  function inputLines(item, box) {
    return [text("shape", PAD, 33, cut(item.shape, box.width - 2 * PAD, 11))];
  }

  function layerLines({ network, mode }, { output, id }, item, { width }) {
    const inner = width - 2 * PAD;
    const amount = convcalc.amountText(network, item, mode);
    const none = amount === "0" || amount === "0 B" ? " none" : "";
    return [
      id[0] === "p" ? `<path class="sign" d="M${width - 19} 14h8m-4 -4v8"/>` : "",
      text("kind", PAD, 32, cut(convcalc.what(item), inner - (output ? 40 : 0), 11)),
      output ? text("end", width - PAD, 32, "output", "end") : "",
      text("shape", PAD, 46, cut(item.shape, inner - convcalc.textWidth(amount, 11, true) - 6, 11)),
      amount && text(`amount${none}`, width - PAD, 46, amount, "end"),
    ];
  }

  /** The frame of an open block, drawn beneath everything. */
  function ground(scene, id) {
    const { x, y, width, height } = scene.boxes[id];
    const size = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;
    return `<rect class="ground" data-of="${id}" ${size} rx="8"/>`;
  }

  /** The bar with its name, by which it is closed, drawn above the edges that come in there. */
  function title(scene, { id, parent }) {
    const item = convcalc.item(scene.network, id);
    const { x, y, width } = scene.boxes[id];
    const own = ownName(scene.network, { id, parent });
    const wide = width - 3 * PAD - 14;
    const name = cut(own, wide, 12, true);
    const rest = wide - convcalc.textWidth(name, 12, true) - 8;
    const words = [convcalc.what(item), convcalc.amountText(scene.network, item, scene.mode)].filter(Boolean).join(" · ");
    const kind = rest > 30 ? `<tspan class="kind" dx="8">${xml(cut(words, rest, 11))}</tspan>` : "";
    return [
      `<g class="cluster" data-id="${id}"${handles(scene, id, "cluster")} transform="translate(${point({ x, y })})">`,
      hint(scene.network, id),
      `<rect class="title" x="1" y="1" width="${round(width - 2)}" height="${convcalc.TITLE - 1}" rx="7"/>`,
      `<path class="sign" d="M${PAD} 12h8"/>`,
      `<text class="name" x="${PAD + 14}" y="16">${xml(name)}${kind}</text></g>`,
    ].join("");
  }

  /** On to the next points as a curve that leaves and comes in from above: between two ranks it never turns back. */
  function curve(points) {
    return points.slice(1).map((to, index) => {
      const from = points[index];
      const middle = round((from.y + to.y) / 2);
      const straight = Math.abs(from.x - to.x) < 0.05;
      return straight ? `L${point(to)}` : `C${round(from.x)} ${middle} ${round(to.x)} ${middle} ${point(to)}`;
    }).join("");
  }

  /** On to the next points along the axes, round at the corners. */
  function angular(points) {
    const near = (at, other) => {
      const length = Math.hypot(other.x - at.x, other.y - at.y);
      const share = Math.min(8, length / 2) / (length || 1);
      return { x: at.x + (other.x - at.x) * share, y: at.y + (other.y - at.y) * share };
    };
    const corners = points.slice(1, -1).map((at, index) => {
      const [before, after] = [near(at, points[index]), near(at, points[index + 2])];
      return `L${point(before)}Q${point(at)} ${point(after)}`;
    });
    return `${corners.join("")}L${point(points[points.length - 1])}`;
  }

  function edge(scene, { from, to, pieces, shapes }) {
    const last = pieces[pieces.length - 1].points;
    const end = last[last.length - 1];
    const short = [...last.slice(0, -1), { x: end.x, y: end.y - 4 }]; // which does not stick out of the tip
    const ways = pieces.map(({ bent, points }, index) => {
      const used = index === pieces.length - 1 ? short : points;
      return bent ? angular(used) : curve(used);
    });
    const names = [from, to].map((id) => convcalc.item(scene.network, id).name);
    return [
      `<g class="edge" data-from="${from}" data-to="${to}"><title>${xml(`${names.join(" → ")}: ${shapes.join(", ")}`)}</title>`,
      `<path class="way" d="M${point(pieces[0].points[0])}${ways.join("")}"/>`,
      `<path class="tip" d="M${point(end)}l-3.5 -7h7z"/></g>`,
    ].join("");
  }

  /** The text of an edge, drawn above all edges. */
  function flow({ from, to, at, label, inner }) {
    const place = `x="${round(at.x)}" y="${round(at.y + 3.5)}" text-anchor="middle"`;
    return `<text class="flow${inner ? " inner" : ""}" data-from="${from}" data-to="${to}" ${place}>${xml(label)}</text>`;
  }

  /** What is at the upper end of the scale of the colours: the largest amount that is seen; empty where none is known. */
  convcalc.legend = function (network, seen, mode) {
    const items = seen.nodes.map(({ id }) => convcalc.item(network, id));
    const amount = (item) => convcalc.amount(network, item, mode) ?? -1;
    const top = items.reduce((best, item) => (amount(item) > amount(best) ? item : best), items[0]);
    const text = amount(top) < 0 ? "" : convcalc.amountText(network, top, mode);
    return text && `${text} ${convcalc.amounts[mode].unit}`;
  };

  /**
   * What is to be drawn, and where: {seen, layout}, by `convcalc.visible` and `convcalc.layout`. `open` are the
   * indices of the open parts, `room` {width, height} is what a picture in columns may take (see `convcalc.layout`).
   */
  convcalc.scene = function (network, open, room) {
    const seen = convcalc.visible(network, new Set(open));
    return { seen, layout: convcalc.layout(network, seen, room) };
  };

  /**
   * A scene as SVG, without the element <svg> around it. `mode` is what is coloured by (see `convcalc.amounts`);
   * `interactive` says whether nodes get what a page needs so that one can walk through them. The scale of the colours
   * reaches to the largest amount that is seen, and at least to `least`.
   */
  convcalc.drawing = function (network, { seen, layout }, { mode, interactive = false, least = 0 }) {
    const items = seen.nodes.map(({ id }) => convcalc.item(network, id));
    const outputs = new Set(seen.nodes.filter((item) => item.output).map(({ id }) => id));
    const largest = Math.max(least, convcalc.largest(network, items, mode));
    const scene = { network, mode, interactive, largest, outputs, boxes: layout.boxes };
    const group = (name, parts) => `<g class="${name}">${parts.join("\n")}</g>`;
    return [
      group("grounds", seen.clusters.map(({ id }) => ground(scene, id))),
      group("edges", layout.edges.map((item) => edge(scene, item))),
      group("flows", layout.edges.filter(({ label }) => label).map(flow)),
      group("clusters", seen.clusters.map((item) => title(scene, item))),
      group("nodes", seen.nodes.map((item) => node(scene, item))),
    ].join("\n");
  };
})();
