"use strict";
/* The picture of a graph as a file of its own: with a heading, the scale of its colours, and a caption. */
(function () {
  const { xml } = convcalc;
  const SIDE = 14; // left and right of everything
  const NARROWEST = 420; // so that captions are not a word wide
  const WIDEST = 880; // at which text of 11 pixels has 10 where the picture is shown at 800
  const SLIM = 138; // the width of a node in what would be wider
  const MOST_TOLD = 60; // nodes that a reader of the screen is told of

  /** Words in as many lines as the width takes. */
  function lines(text, width, size) {
    const rows = [""];
    for (const word of convcalc.shown(text).split(" ")) {
      const longer = rows[rows.length - 1] ? `${rows[rows.length - 1]} ${word}` : word;
      if (rows[rows.length - 1] && convcalc.textWidth(longer, size) > width) rows.push(word);
      else rows[rows.length - 1] = longer;
    }
    return rows;
  }

  const line = (kind, x, y, text) => `<text class="${kind}" x="${x}" y="${y}">${xml(text)}</text>`;

  function scale(network, seen, mode, y) {
    const most = convcalc.legend(network, seen, mode);
    if (!most) return "";
    const steps = [0, 1, 2, 3, 4, 5].map(
      (step) => `<rect class="frame heat-${step}" x="${SIDE + 12 + step * 24}" y="${y - 10}" width="24" height="12"/>`,
    );
    return `<g class="scale">${line("kind", SIDE, y, "0")}${steps.join("")}${line("kind", SIDE + 162, y, most)}</g>`;
  }

  /** What is drawn, in words: every node that can be seen, in the order they run. */
  function told(network, seen) {
    const texts = seen.nodes.slice(0, MOST_TOLD).map(({ id }) => convcalc.describe(network, id).join(", "));
    const more = seen.nodes.length - texts.length;
    return texts.join("; ") + (more > 0 ? `; and ${more} more` : "");
  }

  /**
   * The file, as one text of SVG. `options` are `open`, `mode`, `room` (see `convcalc.scene`), `style` (rules of CSS
   * of our own), `title`, `beside` (what stands beside the title) and `caption` (paragraphs below).
   */
  convcalc.picture = function (network, { open, mode, room, style, title, beside, caption }) {
    const usual = convcalc.scene(network, open, room);
    const scene = usual.layout.width <= WIDEST ? usual : convcalc.scene(network, open, { ...room, node: SLIM });
    const width = Math.ceil(Math.max(NARROWEST, scene.layout.width));
    const inner = width - 2 * SIDE;
    const name = convcalc.cut(title, inner * 0.7, 15, true);
    const rest = SIDE + convcalc.textWidth(name, 15, true) + 14;
    const head = [
      line("heading", SIDE, 24, name),
      line("beside", Math.ceil(rest), 24, convcalc.cut(beside, Math.max(40, width - SIDE - rest), 12)),
    ];
    const top = 32;
    let y = top + Math.ceil(scene.layout.height) + 14;
    const foot = [scale(network, scene.seen, mode, y)];
    for (const paragraph of caption) for (const row of lines(paragraph, inner, 11)) foot.push(line("kind", SIDE, (y += 17), row));
    const height = y + 14;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" aria-labelledby="title desc" width="${width}"`,
      ` height="${height}" viewBox="0 0 ${width} ${height}"><title id="title">${xml(`${title}, ${beside}`)}</title>\n`,
      `<desc id="desc">${xml(`${told(network, scene.seen)}. ${caption.join(". ")}`)}</desc>\n<style>${style}</style>\n`,
      `<rect class="paper" width="${width}" height="${height}"/>\n${head.join("")}\n`,
      `<g transform="translate(0 ${top})">${convcalc.drawing(network, scene, { mode })}</g>\n${foot.join("\n")}\n</svg>\n`,
    ].join("");
  };
})();
