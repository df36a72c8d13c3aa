"use strict";
/* Light and dark. The colours of the dark page are the rules of <style id="dark">; its `media` says when they hold: as
   the system asks, always, or never. In print it is never dark. Whoever draws with colours that are not of the style
   sheets (a chart) reads them by `convcalc.colours` and again on the event "convcalc:theme" of the document. */
(function () {
  const system = "screen and (prefers-color-scheme: dark)";
  const media = { system, light: "not all", dark: "screen" };
  const asked = window.matchMedia("(prefers-color-scheme: dark)");
  convcalc.theme = "system";

  /** Show the page as the system asks ("system"), "light" or "dark". */
  convcalc.setTheme = function (theme) {
    convcalc.theme = theme;
    show(media[theme]);
  };

  /** Whether the page is dark now. */
  convcalc.isDark = function () {
    return convcalc.theme === "dark" || (convcalc.theme === "system" && asked.matches);
  };

  /** The colours of the page now, by the names of the properties without dashes in front: {ink: "#1b2026", ...}. */
  convcalc.colours = function () {
    const style = getComputedStyle(document.documentElement);
    const names = ["ink", "paper", "sheet", "muted", "line", "accent", "accent-2", "good", "bad", "warn"];
    for (let step = 0; step < 6; step++) names.push(`heat-${step}`);
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  };

  function show(rules) {
    document.getElementById("dark").media = rules;
    changed();
  }

  function changed() {
    document.documentElement.dataset.dark = String(convcalc.isDark());
    document.dispatchEvent(new Event("convcalc:theme"));
  }

  asked.addEventListener("change", changed);
  // What is drawn with colours is drawn before the printer's style sheets hold, and so are these colours.
  window.addEventListener("beforeprint", () => show(media.light));
  window.addEventListener("afterprint", () => show(media[convcalc.theme]));
  changed();
})();
