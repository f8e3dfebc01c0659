/* The theme of the page: that of the system, or the one that was chosen here before.

   It is loaded before anything is drawn, so that no page flashes in the other theme. Pages have a
   `select` of the id "theme", which stays hidden where scripts do not run. */
"use strict";
(() => {
  const KEY = "headwater-theme";
  const CHOICES = ["auto", "light", "dark"];
  const root = document.documentElement;
  let select = null;

  /* Where the browser keeps nothing for pages, the choice holds until the page is left. */
  function kept() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function keep(choice) {
    try {
      if (choice === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      /* It holds for this page. */
    }
  }

  function show(choice) {
    const shown = CHOICES.includes(choice) ? choice : "auto";
    if (shown === "auto") delete root.dataset.theme;
    else root.dataset.theme = shown;
    if (select) select.value = shown;
  }

  show(kept());
  addEventListener("storage", ({key}) => {
    if (key === KEY || key === null) show(kept());
  });
  addEventListener("DOMContentLoaded", () => {
    select = document.getElementById("theme");
    if (!select) return;
    show(kept());
    select.parentElement.hidden = false;
    select.addEventListener("change", () => {
      keep(select.value);
      show(select.value);
    });
  });
})();
