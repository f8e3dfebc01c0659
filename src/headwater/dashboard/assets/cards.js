/* The cards of all paths: in order, filtered, and drawn only where they are seen. */

import {button, icon, tell} from "./dom.js";
import {element} from "./elements.js";
import {Pictures} from "./pictures.js";
import {addressOf, bitRate, capital, count, duration, nameOf, percent, STATES} from "./words.js";

const FILTERS = [
  ["all", "All", () => true],
  ["live", "Live", (card) => card.state === "live"],
  ["warnings", "Warnings", (card) => card.troubles.length > 0],
  ["away", "Not live", (card) => card.state !== "live"],
];
const order = new Intl.Collator(undefined, {numeric: true});

export class Cards {
  list = element("ul", {class: "cards", "aria-label": "Streams"});
  none = element("p", {class: "words", hidden: true}, "Nothing fits this search.");
  #cards = new Map();
  #pictures = new Pictures();
  #filter = FILTERS[0];
  #words = [];
  #now_s = 0;
  #buttons;
  #open;
  #seen = new IntersectionObserver((entries) => this.#look(entries), {rootMargin: "120px"});

  constructor(filters, search, open) {
    this.#open = open;
    this.#buttons = FILTERS.map((filter) => {
      const made = button(filter[1], () => this.#choose(filter), {"aria-pressed": "false"});
      made.append(element("span", {class: "number"}));
      return made;
    });
    filters.replaceChildren(...this.#buttons);
    search.addEventListener("input", () => {
      this.#words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.#arrange();
    });
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      search.value = "";
      search.dispatchEvent(new Event("input"));
    });
    this.#choose(FILTERS[0]);
  }

  get size() {
    return this.#cards.size;
  }

  get(path) {
    return this.#cards.get(path)?.told ?? null;
  }

  clear() {
    for (const path of [...this.#cards.keys()]) this.#remove(path);
  }

  /** Take the news of the board; return the paths whose state has changed, gone ones without. */
  take({cards, gone}, first, now_s) {
    this.#now_s = now_s;
    const changes = [];
    const present = new Set(cards.map(({path}) => path));
    const left = first ? [...this.#cards.keys()].filter((path) => !present.has(path)) : gone;
    for (const path of left) {
      if (this.#remove(path)) changes.push({path});
    }
    for (const told of cards) {
      const card = this.#cards.get(told.path) ?? this.#add(told);
      if (card.told?.state !== told.state) changes.push({path: told.path, state: told.state});
      card.told = told;
      card.dirty = true;
    }
    if (cards.length || left.length) this.#arrange();
    this.list.classList.toggle("few", this.#cards.size < 4);
    for (const card of this.#cards.values()) {
      if (card.seen) this.#draw(card);
    }
    return changes;
  }

  pauseButton() {
    const made = button(this.#pictures.paused ? "Move pictures" : "Pause pictures", () => {
      this.#pictures.pause(!this.#pictures.paused);
      tell(made, this.#pictures.paused ? "Move pictures" : "Pause pictures");
    }, {class: "quiet"});
    return made;
  }

  #add(told) {
    const card = new Card(told, this.#open);
    this.#cards.set(told.path, card);
    this.#seen.observe(card.node);
    const before = [...this.list.children].find(
      (other) => order.compare(other.dataset.path, told.path) > 0);
    this.list.insertBefore(card.node, before ?? null);
    this.#pictures.watch(told.path, card.image, {
      wanted: () => card.wantsPicture,
      told: (error) => card.pictureTold(error),
    });
    return card;
  }

  #remove(path) {
    const card = this.#cards.get(path);
    if (!card) return false;
    this.#pictures.unwatch(card.image);
    this.#seen.unobserve(card.node);
    card.node.remove();
    this.#cards.delete(path);
    return true;
  }

  #look(entries) {
    for (const {target, isIntersecting} of entries) {
      const card = this.#cards.get(target.dataset.path);
      if (!card) continue;
      card.seen = isIntersecting;
      if (isIntersecting) this.#draw(card);
    }
    this.#pictures.look();
  }

  #draw(card) {
    const was = card.drawnState;
    card.draw(this.#now_s);
    if (was !== card.drawnState) this.#pictures.renew(card.image);
  }

  #choose(filter) {
    this.#filter = filter;
    FILTERS.forEach((each, number) =>
      this.#buttons[number].setAttribute("aria-pressed", String(each === filter)));
    this.#arrange();
  }

  /* Hide what does not fit; the numbers of the filters are of what the search leaves. */
  #arrange() {
    const numbers = FILTERS.map(() => 0);
    let shown = 0;
    for (const card of this.#cards.values()) {
      const found = this.#words.every((word) => card.text.includes(word));
      FILTERS.forEach(([, , fits], number) => {
        numbers[number] += found && fits(card.told);
      });
      const hidden = !(found && this.#filter[2](card.told));
      if (card.node.hidden !== hidden) card.node.hidden = hidden;
      shown += !hidden;
    }
    numbers.forEach((number, at) => tell(this.#buttons[at].lastChild, String(number)));
    this.none.hidden = shown > 0;
    this.#pictures.look();
  }
}

class Card {
  seen = false;
  dirty = true;
  drawnState = null;
  image = element("img", {alt: "", hidden: true});
  #told = null;
  #parts;

  constructor(told, open) {
    const name = nameOf(told.path);
    const parts = this.#parts = {
      nothing: element("p", {class: "nothing"}),
      state: element("span", {class: "state"}),
      codecs: element("span", {class: "codecs"}),
      rate: element("li"),
      readers: element("li"),
      key: element("li"),
      loss: element("li"),
      from: element("p", {class: "from"}),
      troubles: element("p", {class: "trouble", hidden: true}, icon("warning"), element("span")),
      watch: element("a", {class: "watch", href: addressOf(told.path)}, name),
    };
    const more = button("Details", () => open(told.path), {
      class: "quiet", "aria-label": `Details of ${name}`, "aria-haspopup": "dialog",
    });
    for (const part of ["rate", "readers", "key", "loss"]) {
      const drawn = {rate: "rate", readers: "readers"}[part];
      parts[part].append(...(drawn ? [icon(drawn)] : []), element("span"));
      if (part === "readers") parts.readers.append(element("span", {class: "unseen"}));
    }
    this.node = element("li", {class: "card"},
      element("div", {class: "picture"}, this.image, parts.nothing, parts.state, parts.codecs),
      element("div", {class: "below"},
        element("div", {class: "name"}, element("h2", {}, parts.watch), more),
        element("ul", {class: "figures"}, parts.rate, parts.readers, parts.key, parts.loss),
        parts.troubles, parts.from));
    this.node.dataset.path = told.path;
  }

  get told() {
    return this.#told;
  }

  set told(told) {
    this.#told = told;
    const {publisher, source} = told;
    this.text = [told.path, ...told.codecs, publisher?.peer, publisher?.user, publisher?.user_agent,
      source?.url, STATES[told.state], ...told.troubles.map(({text}) => text)]
      .filter(Boolean).join("\n").toLowerCase();
  }

  get wantsPicture() {
    const told = this.#told;
    // A picture would hold a source open that is fetched only while somebody watches.
    const asked = !told.source?.on_demand || told.readers > 0;
    return this.seen && !this.node.hidden && told.play && told.has_pictures && asked &&
      told.state === "live";
  }

  pictureTold(error) {
    this.image.hidden = error !== null && !this.image.src;
    if (error?.status === 501) this.#because = "Pictures need the extra “media” on the server";
    else if (error?.status === 406) this.#because = "These pictures cannot be decoded here";
    else if (error === null) this.#because = "";
    this.#drawNothing();
  }

  #because = "";

  draw(now_s) {
    const told = this.#told;
    const parts = this.#parts;
    const from = this.#from(now_s);
    tell(parts.from, from);
    if (!this.dirty) return;
    this.dirty = false;
    this.drawnState = told.state;
    this.node.dataset.state = told.state;
    tell(parts.state, STATES[told.state]);
    tell(parts.codecs, told.codecs.join(" · "));
    parts.codecs.hidden = !told.codecs.length;
    const runs = told.state === "live" || told.state === "silent";
    const distance = told.key_frame_distance_s;
    this.#figure("rate", runs ? bitRate(told.bits_per_s) : null);
    tell(parts.readers.children[1], String(told.readers));
    tell(parts.readers.lastChild, told.readers === 1 ? " reader" : " readers");
    parts.readers.title = count(told.readers, "reader");
    this.#figure("key", !runs || distance === null ? null : `key frame ${Number(distance.toPrecision(2))} s`);
    this.#figure("loss", runs ? `${percent(told.lost_share)} lost` : null);
    const [first, ...others] = told.troubles;
    parts.troubles.hidden = !first;
    if (first) tell(parts.troubles.lastChild, capital(first.text) + (others.length ? ` (+${others.length})` : ""));
    if (told.state !== "live") this.image.hidden = true;
    else if (this.image.src) this.image.hidden = false;
    if (told.play) parts.watch.setAttribute("href", addressOf(told.path));
    else parts.watch.removeAttribute("href");
    this.#drawNothing();
  }

  #figure(part, text) {
    this.#parts[part].hidden = text === null;
    tell(this.#parts[part].lastChild, text ?? "");
  }

  #from(now_s) {
    const {publisher, source, since_s: since} = this.#told;
    const age = since === null ? "" : `up ${duration(now_s - since)}`;
    const who = source ? source.url : publisher ? publisher.user || publisher.peer || publisher.kind : "";
    return [who, age].filter(Boolean).join(" · ");
  }

  #drawNothing() {
    const told = this.#told;
    const [drawn, words] = told.state !== "live" ? ["wait", {
      waiting: "Waiting for the publisher", silent: "Nothing comes", starting: "Opening the source",
      down: "The source does not come", idle: "Fetched when somebody watches",
    }[told.state]] : !told.has_pictures ? ["sound", "Sound only"]
      : !told.play ? ["camera", "You may not watch this"]
        : this.#because ? ["camera", this.#because]
          : told.source?.on_demand && !told.readers ? ["camera", "Fetched when somebody watches"] : ["camera", ""];
    this.#parts.nothing.hidden = !this.image.hidden;
    const key = drawn + words;
    if (this.#parts.nothing.dataset.key === key) return;
    this.#parts.nothing.dataset.key = key;
    this.#parts.nothing.replaceChildren(icon(drawn), element("span", {}, words));
  }
}
