"use strict";
/* Puts the page together: a state for every network, and in every slot of the template what is registered for it. */
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  convcalc.states = data.networks.map((network) => new convcalc.State(network));

  /** Fill the slots of a part of the page that shows a network, once; what is hidden is filled when it is shown. */
  convcalc.mount = function (section) {
    if (section.dataset.mounted) return;
    section.dataset.mounted = "true";
    const state = convcalc.states[Number(section.dataset.network)];
    section.querySelectorAll("[data-slot]").forEach((slot) => {
      const mount = convcalc.slots[slot.dataset.slot];
      if (mount) mount(slot, state, data);
    });
  };

  convcalc.prepare?.(data); // of a page with more than a single network (sides.js)
  document.querySelectorAll("[data-network]:not([hidden])").forEach(convcalc.mount);
  document.documentElement.dataset.ready = "true";
})();
