/* The last lines of the log, as they come, for whoever controls the server. */

import {button, tell} from "./dom.js";
import {element} from "./elements.js";
import {server} from "./server.js";
import {sentence} from "./words.js";

const MOST_LINES = 500;

export class Log {
  #place;
  #lines = element("ol", {tabIndex: 0, "aria-label": "Lines of the log"});
  #number = 0;
  #known = null;
  #asking = false;
  #opener = null;

  constructor(place) {
    this.#place = place;
    place.replaceChildren(
      element("header", {},
        element("h2", {id: "log-title"}, "Log"),
        button("Close", () => this.#show(false), {class: "quiet", "aria-label": "Close the log"})),
      this.#lines);
  }

  /** The button that opens it, which is seen only by who may read the log. */
  opener() {
    this.#opener = button("Log", () => this.#show(this.#place.hidden), {
      class: "quiet", hidden: this.#known === null, "aria-expanded": "false", "aria-controls": "log",
    });
    return this.#opener;
  }

  /** Learn the number of the last line; undefined where we may not read the log. */
  take(number) {
    this.#known = number ?? null;
    if (this.#opener) this.#opener.hidden = this.#known === null;
    if (this.#known === null) {
      this.#show(false);
      this.#lines.replaceChildren();
      this.#number = 0;
    } else if (!this.#place.hidden && this.#known !== this.#number) {
      this.#ask();
    }
  }

  #show(shown) {
    this.#place.hidden = !shown;
    this.#opener?.setAttribute("aria-expanded", String(shown));
    if (!shown) return;
    this.#ask();
    this.#place.scrollIntoView({block: "nearest"});
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      if (this.#known < this.#number) this.#number = 0;
      const {number, lines} = await server.json(`/v1/log?after=${this.#number}`);
      const atEnd = this.#lines.scrollTop + this.#lines.clientHeight > this.#lines.scrollHeight - 40;
      this.#number = number;
      this.#lines.append(...lines.map(row));
      while (this.#lines.children.length > MOST_LINES) this.#lines.firstChild.remove();
      if (atEnd) this.#lines.scrollTop = this.#lines.scrollHeight;
    } catch (error) {
      this.#lines.append(element("li", {class: "error"}, sentence(error.message)));
    } finally {
      this.#asking = false;
    }
  }
}

function row({at_unix_s: at, level, text, worker}) {
  const made = element("li", {class: level},
    element("time", {}, new Date(at * 1000).toLocaleTimeString([], {hourCycle: "h23"})),
    element("b", {}, level), element("span"));
  tell(made.lastChild, worker ? `${worker}: ${text}` : text);
  return made;
}
