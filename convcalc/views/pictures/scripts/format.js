"use strict";
/* How numbers are written for people: as the command line writes them. Exact numbers may be texts (see embedded). */

/** All digits, in groups of three. */
convcalc.exact = function (number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
};

/** With one or two decimals, halves to the even digit as Python rounds them, where toFixed rounds them up. */
convcalc.fixed = function (number, digits) {
  const doubled = number * 8 * 25; // exact for halves of a digit, and so for all that can be a tie
  const isTie = (number * 8) % 1 === 0 && (digits === 2 ? doubled % 2 === 1 : doubled % 20 === 10);
  const below = Math.floor(number * 10 ** digits);
  return (isTie && below % 2 === 0 ? below / 10 ** digits : number).toFixed(digits);
};

/** Bytes with a binary suffix and one decimal. */
convcalc.binary = function (size) {
  const units = ["TiB", "GiB", "MiB", "KiB"];
  for (let place = 0; place < units.length; place++) {
    const factor = 1024 ** (units.length - place);
    if (Number(size) >= factor) return `${convcalc.exact(convcalc.fixed(Number(size) / factor, 1))} ${units[place]}`;
  }
  return `${size} B`;
};

/** A time to three digits, rounded down: what takes at least so long takes no less than is written. */
convcalc.duration = function (picoseconds) {
  const times = [[1e12, "s"], [1e9, "ms"], [1e6, "µs"], [1e3, "ns"]];
  const [unit, suffix] = times.find(([least]) => Number(picoseconds) >= least) ?? [1, "ps"];
  const units = Number(picoseconds) / unit;
  const places = unit === 1 ? 0 : Math.max(0, 3 - String(Math.floor(units)).length);
  const digits = String(Math.floor(Number(picoseconds) / (unit / 10 ** places))).padStart(places + 1, "0");
  const integer = convcalc.exact(digits.slice(0, digits.length - places));
  return `${integer}${places ? `.${digits.slice(-places)}` : ""} ${suffix}`;
};

/** A count with its noun. */
convcalc.counted = (count, noun, many = `${noun}s`) => `${convcalc.exact(count)} ${Number(count) === 1 ? noun : many}`;
