"use strict";
/* How numbers are written for people: as the command line writes them. Exact numbers may be texts (see embedded). */

/** All digits, in groups of three. */
convcalc.exact = function (number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
};

/** Bytes with a binary suffix and one decimal. */
convcalc.binary = function (size) {
  const units = ["TiB", "GiB", "MiB", "KiB"];
  for (let place = 0; place < units.length; place++) {
    const factor = 1024 ** (units.length - place);
    if (Number(size) >= factor) return `${(Number(size) / factor).toFixed(1)} ${units[place]}`;
  }
  return `${size} B`;
};
