/* One path in full: what is wrong and what to do, who publishes, who reads, where it comes from. */

import {askFirst} from "./ask-first.js";
import {button, copied, icon, tell} from "./dom.js";
import {element} from "./elements.js";
import {server} from "./server.js";
import {changeSource, removeSource} from "./source-form.js";
import {addressOf, bitRate, count, duration, nameOf, percent, sentence, size, STATES} from "./words.js";

const READERS_EVERY_MS = 4000;
const MOST_READERS = 200;

export class Details {
  #dashboard;
  #path = null;
  #dialog = element("dialog", {class: "details", "aria-labelledby": "details-title"});
  #title = element("h2", {id: "details-title"});
  #body = element("div", {class: "parts"});
  #parts = {};
  #drawn = {};
  #readers = null;
  #timer = null;

  constructor(dashboard) {
    this.#dashboard = dashboard;
    this.#dialog.append(
      element("header", {}, this.#title,
        button("Close", () => this.close(), {class: "quiet", "aria-label": "Close the details"})),
      this.#body);
    this.#dialog.addEventListener("close", () => this.#left());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.close();
    });
    document.body.append(this.#dialog);
  }

  show(path) {
    this.#path = path;
    this.#drawn = {};
    this.#readers = null;
    tell(this.#title, nameOf(path));
    this.#parts = {};
    for (const name of ["head", "troubles", "numbers", "publisher", "readers", "source", "addresses"]) {
      this.#parts[name] = element("section", {class: name});
    }
    this.#body.replaceChildren(...Object.values(this.#parts));
    this.#dialog.showModal();
    this.refresh();
    this.#askReaders();
  }

  close() {
    if (this.#dialog.open) this.#dialog.close();
  }

  #left() {
    this.#path = null;
    clearTimeout(this.#timer);
  }

  refresh() {
    if (this.#path === null) return;
    const card = this.#dashboard.card(this.#path);
    if (!card) {
      this.#draw("head", "gone", () => [element("p", {class: "words"}, "It is gone.")]);
      for (const name of ["troubles", "numbers", "publisher", "readers", "source", "addresses"]) {
        this.#draw(name, "gone", () => []);
      }
      return;
    }
    this.#draw("head", [card.state, card.play, card.control, card.since_s], () => this.#head(card));
    this.#draw("troubles", card.troubles, () => troubles(card.troubles));
    const age_s = card.since_s === null ? null : this.#dashboard.now_s() - card.since_s;
    this.#draw("numbers", [card, age_s === null ? "" : duration(age_s)], () => figures(card, age_s));
    this.#draw("publisher", [card.publisher, card.control], () => this.#publisher(card));
    this.#draw("readers", [card.readers, card.control, this.#readers], () => this.#readersTable(card));
    this.#draw("source", [card.source, card.control, card.added], () => this.#source(card));
    this.#draw("addresses", [card.path, card.play], () => this.#addresses(card));
  }

  /* Make a part again where what it shows has changed, but keep the focus. */
  #draw(name, shown, make) {
    const key = JSON.stringify(shown);
    if (this.#drawn[name] === key) return;
    this.#drawn[name] = key;
    const part = this.#parts[name];
    const held = part.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const made = make().filter(Boolean);
    part.replaceChildren(...made);
    part.hidden = !made.length;
    if (held) part.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
  }

  #head(card) {
    const state = element("p", {class: "state"}, STATES[card.state]);
    state.dataset.state = card.state;
    return [
      state,
      card.play ? element("a", {class: "action first", href: addressOf(card.path)}, "Watch") : null,
      card.control && card.since_s !== null
        ? this.#act("Close the stream", "close", async () => {
          const sure = await askFirst(`Close ${nameOf(card.path)}?`,
            "Its publisher and all of its readers are sent away. They may come back.", "Close the stream");
          if (sure) await this.#do(addressOf(card.path, "", "/v1/mounts"), "closed");
        }) : null,
    ];
  }

  #publisher({publisher, control, path}) {
    if (!publisher) return [element("h3", {}, "Publisher"), element("p", {}, "Nobody publishes now.")];
    return [
      element("h3", {}, "Publisher"),
      element("div", {class: "peer"},
        facts([
          ["User", publisher.user], ["Address", publisher.peer], ["Program", publisher.user_agent],
          ["By", ways(publisher.kind, publisher.transport)],
        ]),
        control ? this.#act("Send away", "publisher", async () => {
          const sure = await askFirst(`Send the publisher of ${nameOf(path)} away?`,
            "Readers wait for the next one. It may come back.", "Send away");
          if (sure) await this.#do(`/v1/sessions/${encodeURIComponent(publisher.id)}`, "sent away");
        }) : null),
    ];
  }

  #readersTable({readers, control, path}) {
    const title = element("h3", {}, count(readers, "reader"));
    if (!readers || !this.#readers) return [title];
    const rows = this.#readers.map((reader) => element("li", {class: "peer"},
      facts([
        ["User", reader.username], ["Address", reader.peer], ["Program", reader.user_agent],
        ["By", ways(reader.kind, reader.playing?.transport)],
        ["Sent", reader.playing ? size(reader.playing.sent_bytes) : ""],
        ["Missed", reader.playing?.dropped_packets ? count(reader.playing.dropped_packets, "packet") : ""],
        ["Says lost", reader.playing?.reported_fraction_lost ? percent(reader.playing.reported_fraction_lost) : ""],
        ["Advice", reader.playing?.hint],
      ]),
      control ? this.#act("Send away", `reader-${reader.id}`, async () => {
        await this.#do(`/v1/sessions/${encodeURIComponent(reader.id)}`, "sent away");
        this.#askReaders();
      }, `Send ${reader.peer || "the reader"} away from ${nameOf(path)}`) : null));
    const more = readers - rows.length;
    return [title, element("ul", {class: "peers"}, ...rows),
      more > 0 ? element("p", {}, `and ${more} more`) : null];
  }

  #source({source, control, added, path}) {
    if (!source) return [];
    return [
      element("h3", {}, "Source"),
      element("div", {class: "peer"},
        facts([["Fetched from", source.url], ["When", source.on_demand ? "while somebody watches" : "always"],
          ["Last error", source.error]]),
        control && added ? element("div", {class: "actions"},
          this.#act("Change", "change", () => changeSource(this.#dashboard, path)),
          this.#act("Remove", "remove", async () => {
            if (await removeSource(this.#dashboard, path)) this.close();
          })) : null),
      control && !added ? element("p", {class: "hint"}, "It is in the configuration, and is changed there.") : null,
    ];
  }

  #addresses({path, play}) {
    if (!play) return [];
    const host = location.hostname.includes(":") ? `[${location.hostname.replace(/[[\]]/g, "")}]` : location.hostname;
    const url = `rtsp://${host}:${this.#dashboard.ports.play}${addressOf(path)}`;
    return [element("h3", {}, "Watch it elsewhere"), copied(url, "the RTSP address"),
      copied(`ffplay -rtsp_transport tcp "${url}"`, "the line for ffplay")];
  }

  #act(text, key, act, label) {
    const made = button(text, act, {class: "quiet", "aria-label": label});
    made.dataset.key = key;
    return made;
  }

  async #do(address, done) {
    try {
      await server.ask(address, {method: "DELETE"});
      this.#dashboard.say(sentence(done));
    } catch (error) {
      this.#dashboard.say(sentence(error.message));
    }
  }

  async #askReaders() {
    clearTimeout(this.#timer);
    const path = this.#path;
    if (path === null) return;
    const card = this.#dashboard.card(path);
    if (card?.readers && !document.hidden) {
      const query = new URLSearchParams({path, limit: MOST_READERS});
      const told = await server.json(`/v1/readers?${query}`).catch(() => null);
      if (this.#path !== path) return;
      // A name may have the letters of a pattern, which others fit too.
      this.#readers = told?.items.filter((reader) => reader.path === path) ?? null;
      this.refresh();
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#askReaders(), card?.readers && !this.#readers ? 500 : READERS_EVERY_MS);
  }
}

function troubles(all) {
  if (!all.length) return [];
  return [element("h3", {}, "Warnings"), element("ul", {class: "warnings"}, ...all.map(({text, remedy}) =>
    element("li", {}, icon("warning"),
      element("p", {}, element("b", {}, sentence(text)), " ", sentence(remedy)))))];
}

function figures(card, age_s) {
  if (age_s === null) return [];
  const distance = card.key_frame_distance_s;
  return [element("h3", {}, "Figures"), facts([
    ["Codecs", card.codecs.join(", ")],
    ["Bit rate", bitRate(card.bits_per_s)],
    ["Key frames", distance === null ? "" : `every ${Number(distance.toPrecision(2))} s`],
    ["Lost lately", `${percent(card.lost_share)} (${count(card.lost_packets, "packet")})`],
    ["Left out for slow readers", card.missed_packets ? count(card.missed_packets, "packet") : ""],
    ["Up for", duration(age_s)],
  ])];
}

function ways(...names) {
  return [...new Set(names.filter(Boolean))].join(", ");
}

function facts(rows) {
  return element("dl", {}, ...rows.filter(([, text]) => text).flatMap(([name, text]) =>
    [element("dt", {}, name), element("dd", {}, text)]));
}
