"use strict";
/* The page's own buttons and keys, and what it tells people who do not see it. */
(function () {
  const themes = ["system", "light", "dark"];
  const names = { system: "as the system", light: "light", dark: "dark" };

  /** Have a change read out; what is the same as before is read again. */
  convcalc.announce = function (text) {
    const status = document.getElementById("status");
    status.textContent = status.textContent === text ? `${text}\u00a0` : text;
  };

  function showTheme(button) {
    button.textContent = `Colours: ${names[convcalc.theme]}`;
  }

  function nextTheme(button) {
    convcalc.setTheme(themes[(themes.indexOf(convcalc.theme) + 1) % themes.length]);
    showTheme(button);
    convcalc.announce(`colours ${names[convcalc.theme]}`);
  }

  /** Where letters are typed, keys are letters. */
  function isTyping(target) {
    return target.closest("input, select, textarea, dialog, [contenteditable]") !== null;
  }

  function press(event, dialog) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && !dialog.open) escape(event);
    if (isTyping(event.target)) return;
    if (event.key === "?") dialog.showModal();
    else if (event.key === "/") document.querySelector('main input[type="search"]')?.focus();
    else return;
    event.preventDefault();
  }

  /** Empty the search that one is in; elsewhere, choose nothing. */
  function escape(event) {
    if (event.target.matches('input[type="search"]')) {
      event.target.value = "";
      event.target.dispatchEvent(new Event("input"));
    } else if (!isTyping(event.target)) (convcalc.states ?? []).forEach((state) => state.select(null));
  }

  const dialog = document.getElementById("keys");
  const theme = document.getElementById("theme");
  showTheme(theme);
  theme.addEventListener("click", () => nextTheme(theme));
  document.getElementById("show-keys").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => press(event, dialog));
  document.querySelector(".tools").hidden = false;
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address names a layer, or nothing
    document.getElementById("main").focus();
  });
})();
