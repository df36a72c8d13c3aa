"use strict";
/* What layers and blocks are coloured by: the amounts, how they are written, and the step of the scale that is theirs. */
(function () {
  /** By the word that `--color-by` takes: what people call it, and the column of the costs, if it is one of them. */
  convcalc.amounts = {
    macs: { title: "MACs", unit: "MACs", column: "macs" },
    params: { title: "params", unit: "params", column: "params" },
    bytes: { title: "bytes moved", unit: "moved", column: "bytes_moved" },
    field: { title: "receptive field", unit: "receptive field" },
    bound: { title: "bound of time", unit: "at least" },
  };

  const SCALES = [[1e12, "T", 2], [1e9, "G", 2], [1e6, "M", 1]];

  /** A count to four digits or more, as the tables of the command line have it: all digits below ten million. */
  convcalc.scaled = function (count) {
    const number = Number(count);
    if (number < 1e7) return convcalc.exact(count);
    const [factor, suffix, digits] = SCALES.find(([least]) => number >= least);
    return `${convcalc.exact(convcalc.fixed(number / factor, digits))} ${suffix}`;
  };

  /** What is known of the field: a size, Infinity where all of the input is seen, null where nobody knows. */
  convcalc.fieldOf = function (item) {
    if (/\ball\b/.test(item.field_text ?? "")) return Infinity;
    return item.field ?? null;
  };

  /**
   * The amount of a layer or block in a mode, a number to compare with others; null where it has none: an input, a
   * layer whose cost is not known, a device of which nothing is.
   */
  convcalc.amount = function (network, item, mode) {
    if (!item.costs) return null;
    if (mode === "field") return convcalc.fieldOf(item);
    if (mode === "bound") return item.bound_ps === undefined ? null : Number(item.bound_ps);
    if (item.uncosted && item.uncosted >= (item.last ?? 1) - (item.first ?? 0)) return null;
    return Number(item.costs[network.columns.indexOf(convcalc.amounts[mode].column)]);
  };

  /** The same as people read it: `?` where it is not known, `≥ 4,096` where not of all layers, empty for an input. */
  convcalc.amountText = function (network, item, mode) {
    if (!item.costs) return "";
    if (mode === "field") return item.field_text ?? "";
    const number = convcalc.amount(network, item, mode);
    if (number === null) return mode === "bound" ? "" : "?";
    if (mode === "bound") return convcalc.duration(number);
    const exact = item.costs[network.columns.indexOf(convcalc.amounts[mode].column)];
    const text = mode === "bytes" ? convcalc.binary(exact) : convcalc.scaled(exact);
    return item.uncosted ? `≥ ${text}` : text;
  };

  /** The modes in which some layer has an amount. */
  convcalc.modes = function (network) {
    const has = (mode) => network.nodes.some((node) => convcalc.amount(network, node, mode) !== null);
    return Object.keys(convcalc.amounts).filter((mode) => mode !== "bound" || has(mode));
  };

  /** The largest amount of some items; 0 where none has any. */
  convcalc.largest = function (network, items, mode) {
    const numbers = items.map((item) => convcalc.amount(network, item, mode));
    return numbers.reduce((most, number) => (number !== null && number !== Infinity && number > most ? number : most), 0);
  };

  /** The share of an amount in the largest, from 0 to 1; null where it is not known. */
  convcalc.shareOf = function (number, largest) {
    if (number === null) return null;
    if (number === Infinity) return 1;
    return largest > 0 ? Math.min(1, number / largest) : 0;
  };

  /** The step of the scale: 0 for nothing, 1 to 5 for up to a fifth, two fifths ... of the largest. */
  convcalc.step = function (share) {
    return share === null ? null : Math.min(5, Math.ceil(share * 5));
  };
})();
