"use strict";
/* On paper blocks are closed, since nobody can open them there and an open graph is larger than the paper: what a reader
   has opened is open again afterwards. */
(function () {
  let opened = [];
  const show = (open) => {
    convcalc.states.forEach((state, place) => {
      state.open = open[place];
      state.tell("open");
    });
  };

  window.addEventListener("beforeprint", () => {
    opened = convcalc.states.map((state) => state.open);
    show(opened.map(() => new Set()));
  });
  window.addEventListener("afterprint", () => show(opened));
})();
