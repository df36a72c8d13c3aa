"use strict";
/* The formulas of a layer, as `convcalc explain` has them: in symbols, below these in numbers, and the value. */
(function () {
  const { make } = convcalc;

  /**
   * `o = (i + 2·p - d·(k - 1) - 1) // s + 1` above `= (224 + 2·3 - 1·(7 - 1) - 1) // 2 + 1` above `= 112`; what has
   * no numbers in between stays on one line: `r = r_in = 11`.
   */
  function equation([, symbol, ...sides]) {
    const value = make("span.value", null, sides.pop());
    const [first, ...others] = symbol ? [symbol, ...sides] : sides;
    if (first === undefined) return [make("div", null, value)];
    if (symbol ? others.length < 2 : !others.length) {
      return [make("div", null, `${[first, ...others].join(" = ")} = `, value)];
    }
    const [start, below] = symbol ? [`${first} = ${others[0]}`, others.slice(1)] : [first, others];
    return [
      make("div", null, start),
      ...below.map((side) => make("div.numbers", null, `= ${side}`)),
      make("div", null, "= ", value),
    ];
  }

  function table(formulas) {
    const rows = formulas.map((formula) =>
      make("tr", null, make("th", { scope: "row" }, formula[0]), make("td", null, ...equation(formula))),
    );
    return make("table.formulas", null, make("tbody", null, ...rows));
  }

  /** k = 7 kernel_size: each symbol that is used, its value, what it stands for. */
  function legend(entries) {
    const items = entries.map(([symbol, meaning, value]) =>
      make("div", null, make("dt", null, `${symbol} = ${value}`), make("dd", null, meaning)),
    );
    return make("dl.legend", null, ...items);
  }

  /** What there is to say of a network's formulas as a whole: why there are none, or for which batch they hold. */
  function proviso(network, index) {
    if (!network.explanations.layers) {
      const name = network.nodes[index].name;
      const command = `convcalc explain ${convcalc.argument(network.spec)} ${convcalc.argument(name)}`;
      return ["This network is so large that the page leaves out formulas. ",
        make("code", null, command), " has those of this layer."];
    }
    const batch = network.explanations.batch;
    return batch > 1 ? [`Formulas are for one sample; the costs above are for a batch of ${convcalc.exact(batch)}.`] : [];
  }

  /** An argument as a shell takes it. */
  convcalc.argument = function (text) {
    return /^[\w./:@+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  };

  /** What explains the layer nodes[index]; nothing for an input. */
  convcalc.formulas = function (network, index) {
    const remark = proviso(network, index);
    const note = remark.length ? [make("p.remark", null, ...remark)] : [];
    const { layers, abouts, formulas, legend: symbols, notes } = network.explanations;
    const layer = layers?.[index - (network.nodes.length - layers.length)];
    if (!layer) return note;
    const [about, source] = abouts[layer.about];
    return [
      make("h4", null, "Formulas"),
      table([...layer.formulas.map((place) => formulas[place]), ...(layer.field ? [["field", "", layer.field]] : [])]),
      ...(layer.legend.length ? [legend(layer.legend.map((place) => symbols[place]))] : []),
      ...(layer.choices ? [make("p.remark", null, "with ", make("code", null, layer.choices))] : []),
      ...layer.notes.map((place) => make("p.remark", null, notes[place])),
      ...note,
      ...(about ? [make("p.about", null, about, source ? make("cite", null, ` Source: ${source}`) : null)] : []),
    ];
  };
})();
