"use strict";
/* Puts the page together: a state for every network, and in every slot of the template what is registered for it. */
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  convcalc.states = data.networks.map((network) => new convcalc.State(network));
  document.querySelectorAll("[data-network]").forEach((section) => {
    const state = convcalc.states[Number(section.dataset.network)];
    section.querySelectorAll("[data-slot]").forEach((slot) => {
      const mount = convcalc.slots[slot.dataset.slot];
      if (mount) mount(slot, state, data);
    });
  });
  document.documentElement.dataset.ready = "true";
})();
