"use strict";
/* How differences are written, exact for numbers that scripts have as texts, and what differs of what is selected. */
convcalc.differences = (function () {
  const { make } = convcalc;

  /** A number of a page, which is a text where it is too large for one: exact to compute with. */
  const big = (number) => BigInt(number);

  /** A difference with its sign, as an element that is of another colour for more than for less; empty for none. */
  function signed(number, write = convcalc.exact) {
    const size = big(number);
    if (size === 0n) return make("span");
    const text = `${size > 0n ? "+" : "−"}${write(String(size < 0n ? -size : size))}`;
    return make(size > 0n ? "span.more" : "span.less", null, text);
  }

  /** In percent, with one decimal; nothing where there is nothing to compare with. */
  function percent([before, after]) {
    const [first, second] = [big(before), big(after)];
    if (first === 0n || first === second) return "";
    const size = Number(((second - first) * 10n ** 15n) / first) / 1e13;
    if (Math.abs(size) < 0.05) return `${second > first ? "+" : "−"}<0.1 %`;
    return `${size > 0 ? "+" : "−"}${convcalc.exact(convcalc.fixed(Math.abs(size), 1))} %`;
  }

  /** The word and the sign of a mark. */
  function badge(mark) {
    const made = make("span.mark");
    made.dataset.mark = mark;
    const sign = make("span.sign", null, convcalc.marks[mark].sign);
    sign.setAttribute("aria-hidden", "true");
    made.append(sign, make("span.word", null, mark));
    made.title = convcalc.marks[mark].hint;
    return made;
  }

  /** The costs that are shown of what is selected: the column, what people call it, and how it is written. */
  const COSTS = [
    ["params", "params", convcalc.exact],
    ["macs", "MACs", convcalc.exact],
    ["elementwise_ops", "element-wise ops", convcalc.exact],
    ["weight_bytes", "weights", convcalc.binary],
    ["output_bytes", "bytes written", convcalc.binary],
    ["bytes_moved", "bytes moved", convcalc.binary],
  ];

  /** A row of cells, the first of which is its head; all others are numbers. */
  function fill(row, scope, contents) {
    for (const [place, content] of contents.entries()) {
      const isHead = scope === "col" || place === 0;
      const cell = row.appendChild(make(`${isHead ? "th" : "td"}${place ? ".number" : ""}`));
      if (isHead) cell.scope = scope;
      cell.append(content);
    }
  }

  /** What a cost of both sides is and how it changes, as cells; what is on one side alone costs nothing on the other. */
  function cells(items, place, write) {
    const pair = items.map((item) => item?.costs?.[place] ?? 0);
    const texts = items.map((item, side) => (item ? (item.uncosted ? "?" : write(pair[side])) : "–"));
    if (items.some((item) => item?.uncosted)) return [...texts, "?", "?"];
    const more = big(pair[1]) - big(pair[0]);
    return [...texts, more === 0n ? "unchanged" : signed(more, write), percent(pair)];
  }

  function table({ columns }, items, labels) {
    const made = make("table.totals");
    fill(made.createTHead().insertRow(), "col", ["cost", ...labels, "change", "%"]);
    const body = made.createTBody();
    for (const [column, title, write] of COSTS) {
      fill(body.insertRow(), "row", [title, ...cells(items, columns.indexOf(column), write)]);
    }
    return made;
  }

  /** What is selected: its name on either side, what became of it, and what it costs more or less. */
  function selected(states, labels) {
    const made = make("div.difference");
    const items = states.map((state) => state.selected && convcalc.item(state.network, state.selected));
    if (!items.some((item) => item?.costs)) {
      made.append(make("p.hint", null, "Choose a layer or block in a graph or the table to see what it costs more or less."));
      return made;
    }
    const names = [...new Set(items.filter(Boolean).map((item) => item.name))];
    const side = items[0] ? 0 : 1;
    const mark = states[side].marks.get(states[side].selected) ?? "same";
    const line = made.appendChild(make("p"));
    line.append(make("strong", null, names.join(" → ")), " ", badge(mark), ` ${convcalc.marks[mark].hint}`);
    made.append(table(states[0].network, items, labels));
    return made;
  }

  return { badge, big, percent, selected, signed };
})();
