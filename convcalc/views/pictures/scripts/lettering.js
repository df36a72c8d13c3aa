"use strict";
/* Text in pictures: how wide it is, cut to a width, and made harmless. */
(function () {
  /* Hundredths of the size of the letter for printable ASCII from the blank on, as measured in the widest of the common
     sans-serif fonts; there is no page to measure in where a picture is made by the command line. */
  const WIDTHS =
    "32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 " +
    "100 68 69 70 77 63 58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 " +
    "50 61 63 55 63 62 35 63 63 28 28 58 28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84";
  const widths = WIDTHS.split(" ").map(Number);
  const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
  /* What nobody sees, or what acts: controls, formats (which turn the direction of writing), halves of pairs, blanks
     but the usual, and what Unicode counts among letters though it has no form. */
  const HIDDEN =
    /[\p{C}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0\u{e0100}-\u{e01ef}]/gu;
  const MARKUP = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "'": "&#39;" };

  function escape(character) {
    const code = character.codePointAt(0);
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  }

  /** A text with escapes for all that hides or acts, as the command line shows it. */
  convcalc.shown = (text) => String(text).replace(HIDDEN, escape);

  /** A text between tags or quotes of XML, in which it stays text. The only way in which text gets into a picture. */
  convcalc.xml = (text) => convcalc.shown(text).replace(/[<>&"']/g, (character) => MARKUP[character]);

  /** Pixels that a text takes at a size, at the most: no two readers have the same font. */
  convcalc.textWidth = function (text, size, bold = false) {
    let sum = 0;
    for (const character of text) {
      const place = character.codePointAt(0) - 32;
      sum += place >= 0 && place < widths.length ? widths[place] : WIDE.test(character) ? 104 : 70;
    }
    return (sum * size * (bold ? 1.115 : 1)) / 100;
  };

  /** A text that is not wider than so many pixels: what is too much is left out of its middle, as names begin alike. */
  convcalc.cut = function (text, width, size, bold = false) {
    const letters = [...convcalc.shown(text)];
    if (convcalc.textWidth(letters.join(""), size, bold) <= width) return letters.join("");
    let kept = Math.min(letters.length, Math.ceil(width / (size * 0.2)));
    const shortened = () => {
      const head = Math.ceil(kept * 0.45);
      return `${letters.slice(0, head).join("")}…${letters.slice(letters.length - (kept - head)).join("")}`;
    };
    while (kept > 1 && convcalc.textWidth(shortened(), size, bold) > width) kept--;
    return shortened();
  };
})();
