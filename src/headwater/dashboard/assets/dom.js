/* What the dashboard's parts are made of. */

import {drawing, element} from "./elements.js";

/** Change a text, but leave the page alone where it is the same. */
export function tell(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

export function button(text, act, properties = {}) {
  const made = element("button", {type: "button", ...properties}, text);
  made.addEventListener("click", act);
  return made;
}

/** A line to copy: on pages that came by plain HTTP it is selected instead. */
export function copied(text, name) {
  // A line that has to be broken is broken between words, and not behind the hyphen of an option.
  const words = text.split(/(\s+)/).map((word) => word.trim() ? element("span", {}, word) : word);
  const code = element("code", {tabIndex: 0}, ...words);
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      tell(copy, "Copied");
      setTimeout(() => tell(copy, "Copy"), 2000);
    } catch {
      getSelection().selectAllChildren(code);
      tell(copy, "Ctrl+C");
    }
  }, {"aria-label": `Copy ${name}`, class: "quiet"});
  return element("div", {class: "copied"}, code, copy);
}

const PATHS = {
  readers: "M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  warning: "M12 3.5 22 20.5H2zM12 10v4.5M12 17.5v.1",
  rate: "M4 14l4-4 4 4 8-8M20 6h-5M20 6v5",
  camera: "M3 7h12v10H3zM15 10.5l6-3v9l-6-3",
  sound: "M4 9v6h4l5 5V4L8 9zM16 8.5a5 5 0 0 1 0 7",
  wait: "M12 6v6l4 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
};

export function icon(name) {
  return drawing(PATHS[name]);
}
