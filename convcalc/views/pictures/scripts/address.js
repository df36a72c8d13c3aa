"use strict";
/* The address names what is selected, so that one can link to a layer: report.html#layer1.0.conv1. Where two networks
   stand side by side, it is a layer of the first. Steps that follow each other fast, as with a key held down, are one
   step of the history. */
(function () {
  const state = convcalc.states?.[0];
  if (!state) return;
  const QUICK = 400; // milliseconds
  const ids = byName(state.network);
  let last = -Infinity;

  /** Ids by name. Where a block and a layer have the same name, it is the layer's: a block is found around it. */
  function byName(network) {
    const ids = new Map();
    network.nodes.forEach(({ name }, index) => ids.has(name) || ids.set(name, `n${index}`));
    network.parts.forEach(({ name }, index) => ids.has(name) || ids.set(name, `p${index}`));
    return ids;
  }

  /** What the address names; null where it is nothing of this network. */
  function named() {
    try {
      return ids.get(decodeURIComponent(location.hash.slice(1))) ?? null;
    } catch {
      return null; // percent signs that are no escapes
    }
  }

  function write() {
    if (state.selected === named()) return;
    const name = state.selected === null ? "" : convcalc.item(state.network, state.selected).name;
    const now = performance.now();
    const step = now - last < QUICK ? "replaceState" : "pushState";
    last = now;
    history[step](null, "", name ? `#${encodeURIComponent(name)}` : location.href.split("#")[0]);
  }

  function read() {
    last = -Infinity;
    state.select(named());
  }

  if (location.hash) read();
  state.subscribe((what) => what === "selected" && write());
  window.addEventListener("popstate", read);
})();
