"use strict";
/* Elements of a page. Texts enter a page here as text, never as markup. */

/**
 * An element with attributes and children, which are elements or texts; null among either is left out. A class is
 * named in the tag: "p.note". An attribute "onclick" takes a function.
 */
convcalc.make = function (tag, attributes, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value == null || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== ""));
  return element;
};

/** A button that looks like a name and chooses a layer or block. */
convcalc.chooser = function (state, id, text) {
  return convcalc.make("button.chooser", { type: "button", "data-id": id, onclick: () => state.select(id) }, text);
};
