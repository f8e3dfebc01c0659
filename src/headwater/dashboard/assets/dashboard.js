/* The dashboard: who looks, then the board as it comes, in cards. */

import {Cards} from "./cards.js";
import {Details} from "./details.js";
import {button, icon, tell} from "./dom.js";
import {element} from "./elements.js";
import {Log} from "./log.js";
import {Login, notLetIn} from "./login.js";
import {Nodes, Workers} from "./processes.js";
import {server} from "./server.js";
import {follow} from "./stream.js";
import {teach} from "./teach.js";
import {bitRate, count, duration, nameOf, sentence, size, STATES} from "./words.js";
import {addCamera} from "./source-form.js";

const MOST_NEWS = 3;
const place = (id) => document.getElementById(id);

class Dashboard {
  #details = new Details(this);
  #cards = new Cards(place("filters"), place("search"), (path) => this.#details.show(path));
  #log = new Log(place("log"));
  #workers = new Workers(place("workers"));
  #nodes = new Nodes(place("nodes"));
  #login = new Login(() => this.start());
  #leaving = null;
  #clock = {server_s: 0, at_ms: 0};
  ports = {publish: 554, play: 554, rtsps: 0};
  rights = {look: [], control: [], play: []};
  #adding = null;

  async start() {
    this.#leaving?.abort();
    this.#leaving = new AbortController();
    const {signal} = this.#leaving;
    let standing;
    try {
      standing = await server.look();
    } catch (error) {
      this.#noAnswer(sentence(error.message));
      setTimeout(() => !signal.aborted && this.start(), 3000);
      return;
    }
    this.#answered();
    this.#tellWho(standing);
    if (!standing.let_in) {
      this.#leaveBoard();
      const logsIn = standing.can_log_in && standing.user === null;
      place("view").replaceChildren(logsIn ? this.#login.form() : notLetIn(standing));
      if (logsIn) this.#login.focus();
      return;
    }
    await follow("/v1/board", {
      signal,
      take: (news, first) => this.#take(news, first),
      broken: (error) => this.#broken(error),
    });
  }

  card(path) {
    return this.#cards.get(path);
  }

  /** Seconds of the server's clock, as far as it can be told between two events. */
  now_s() {
    return this.#clock.server_s + (performance.now() - this.#clock.at_ms) / 1000;
  }

  say(text) {
    place("news").textContent = text;
    const toast = element("p", {class: "toast"}, text);
    document.body.append(toast);
    setTimeout(() => toast.remove(), 6000);
  }

  #take(news, first) {
    this.#answered();
    this.#clock = {server_s: news.clock_s, at_ms: performance.now()};
    if (news.ports) this.ports = news.ports;
    if (news.rights) this.#take_rights(news.rights);
    const changes = this.#cards.take(news, first, this.now_s());
    this.#tellServer(news.server ?? null);
    this.#workers.take(news.server?.workers ?? [], news.clock_s);
    this.#nodes.take(news.server?.nodes ?? []);
    this.#log.take(news.log);
    this.#show();
    this.#details.refresh();
    if (!first) this.#announce(changes);
  }

  #take_rights(rights) {
    this.rights = rights;
    this.#adding?.remove();
    this.#adding = null;
    const tools = [this.#cards.pauseButton()];
    if (rights.control.length) {
      this.#adding = button("Add a camera", () => this.add(), {class: "first"});
      tools.push(this.#adding);
    }
    place("tools").replaceChildren(
      this.#workers.opener, this.#nodes.opener, this.#log.opener(), ...tools);
  }

  add() {
    addCamera(this);
  }

  #show() {
    const view = place("view");
    place("bar").hidden = !this.#cards.size;
    if (this.#cards.size) {
      if (view.firstChild !== this.#cards.list) view.replaceChildren(this.#cards.list, this.#cards.none);
    } else if (!view.querySelector(".teach")) {
      view.replaceChildren(teach(this, this.rights.control.length > 0));
    }
  }

  #leaveBoard() {
    this.#details.close();
    this.#cards.clear();
    this.#log.take(undefined);
    this.#workers.take([], 0);
    this.#nodes.take([]);
    place("bar").hidden = true;
    place("facts").replaceChildren();
    document.title = "Headwater";
  }

  #broken(error) {
    if (error?.status === 401 || error?.status === 403 || error === null) {
      // Who we are has changed, or the server has ended the board: it says why.
      this.start();
      return "stop";
    }
    if (error?.status === 501) {
      this.#leaveBoard();
      place("view").replaceChildren(element("p", {class: "words"}, sentence(error.message)));
      return "stop";
    }
    const why = error?.status ? sentence(error.message) : "The server does not answer.";
    this.#noAnswer(why);
    return "again";
  }

  #noAnswer(why) {
    const old = this.#cards.size > 0;
    place("main").classList.toggle("old", old);
    this.#notice("answer", `${why} ${old ? "What is shown is old. " : ""}Trying again …`);
  }

  #answered() {
    place("main").classList.remove("old");
    this.#notice("answer", null);
  }

  #tellServer(told) {
    const facts = place("facts");
    if (!told) {
      facts.replaceChildren();
      document.title = "Headwater";
      return;
    }
    const lines = [
      ["live", count(told.live, "stream live", "streams live")],
      ["readers", count(told.readers, "reader")],
      ["in", `in ${bitRate(told.bits_in_per_s)}`],
      ["out", `out ${bitRate(told.bits_out_per_s)}`],
      ["memory", `memory ${size(told.memory_bytes)}`],
      ["up", `up ${duration(told.clock_s - told.started_s)}`],
    ];
    while (facts.children.length < lines.length) facts.append(element("li"));
    lines.forEach(([name, text], number) => {
      facts.children[number].className = name;
      tell(facts.children[number], text);
    });
    document.title = told.live ? `${told.live} live · Headwater` : "Headwater";
    this.#troubles(told.troubles);
  }

  #troubles(troubles) {
    const known = new Set(troubles.map(({code}) => `server-${code}`));
    for (const old of place("notices").querySelectorAll("[data-name^=server-]")) {
      if (!known.has(old.dataset.name)) old.remove();
    }
    for (const {code, text, remedy} of troubles) {
      this.#notice(`server-${code}`, `${sentence(text)} ${sentence(remedy)}`);
    }
  }

  #notice(name, text) {
    let notice = place("notices").querySelector(`[data-name="${CSS.escape(name)}"]`);
    if (text === null) {
      notice?.remove();
      return;
    }
    if (!notice) {
      notice = element("p", {class: "notice"}, icon("warning"), element("span"));
      notice.dataset.name = name;
      place("notices").append(notice);
    }
    tell(notice.lastChild, text);
  }

  #tellWho({user, can_log_in: canLogIn, let_in: letIn}) {
    const parts = [];
    if (user !== null) {
      parts.push(element("span", {class: "user"}, user), button("Log out", async () => {
        await server.logOut().catch((error) => this.say(sentence(error.message)));
        this.start();
      }, {class: "quiet"}));
    } else if (letIn && !canLogIn) {
      const title = "There is no user yet, so this page answers to the server's own machine alone. " +
        "Users are in access.users of the configuration.";
      parts.push(element("span", {class: "user", title}, "This machine only"));
    }
    place("who").replaceChildren(...parts);
  }

  #announce(changes) {
    const lines = changes.slice(0, MOST_NEWS).map(({path, state}) =>
      state ? `${nameOf(path)}: ${STATES[state]}` : `${nameOf(path)} is gone`);
    if (changes.length > MOST_NEWS) lines.push(`and ${changes.length - MOST_NEWS} more`);
    if (lines.length) place("news").textContent = lines.join(", ");
  }
}

const dashboard = new Dashboard();
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName ?? "");
  if (event.key === "/" && !typing && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    place("search").focus();
  }
});
dashboard.start();
