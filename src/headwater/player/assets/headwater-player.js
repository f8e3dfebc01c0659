/* <headwater-player src="http://server:8080/front">: plays a mount by the best way that works.

   Attributes: `src` (the mount's address), `token` (for servers that want one), `ways` (a list that
   narrows the chain, such as "mse hls"). Events: `headwater-status`, with what is shown in `detail`. */

import {ServerClock} from "./clock.js";
import {element} from "./elements.js";
import {icon} from "./icons.js";
import {failureOf} from "./failure.js";
import {hls} from "./hls.js";
import {mse} from "./mse.js";
import {snapshots} from "./snapshots.js";
import {SoundMeter} from "./sound-meter.js";
import {webrtc} from "./webrtc.js";

const CHAIN = [webrtc, mse, hls, snapshots];
const LOOK_AGAIN_MS = 2000;
const MOST_PAUSE_MS = 15_000;
const PICTURE_MS = 8000;
const STYLE = new URL("./headwater-player.css", import.meta.url);

export class HeadwaterPlayer extends HTMLElement {
  static observedAttributes = ["src", "token", "ways"];

  #video = element("video", {autoplay: true, muted: true, playsInline: true, part: "video",
    "aria-label": "Live picture"});
  #image = element("img", {hidden: true, alt: "Live picture, one a second"});
  #message = element("p", {className: "message", role: "status"});
  #badge = element("span", {className: "badge"});
  #late = element("span", {className: "late"});
  #unmute = element("button", {type: "button", className: "unmute"});
  #bar = element("div", {className: "bar", role: "group", "aria-label": "Player"});
  #buttons = {};
  #root = this.attachShadow({mode: "open"});
  #clock = new ServerClock();
  #stopping = null;
  #way = null;
  #playing = null;
  #tried = [];
  #about = null;
  #pause_ms = 1000;
  #looking = null;
  #meter = new SoundMeter(this.#video);
  #built = false;

  constructor() {
    super();
    this.#root.append(
      element("link", {rel: "stylesheet", href: STYLE.href}),
      element("div", {className: "frame"},
        this.#video, this.#image, this.#message, this.#unmute,
        this.#bar));
    this.#bar.append(
      this.#button("play", "Pause", "pause", () => this.#togglePlay()),
      this.#button("mute", "Turn sound on", "muted", () => this.#toggleSound()),
      element("span", {className: "told"}, this.#badge, this.#late, this.#meter.element),
      this.#button("window", "Picture in picture", "window", () => this.#togglePicture()),
      this.#button("full", "Full screen", "full", () => this.#toggleFull()));
    this.#unmute.append(icon("muted"), "Turn sound on");
    this.#unmute.hidden = true;
    this.#unmute.addEventListener("click", () => this.#toggleSound());
    this.#video.addEventListener("click", () => this.#toggleSound(true));
    this.#video.addEventListener("dblclick", () => this.#toggleFull());
    this.#video.addEventListener("volumechange", () => this.#draw());
    this.#video.addEventListener("play", () => this.#draw());
    this.#video.addEventListener("pause", () => this.#draw());
    this.addEventListener("keydown", (event) => this.#key(event));
  }

  connectedCallback() {
    this.#built = true;
    if (!this.hasAttribute("tabindex")) this.tabIndex = 0;
    if (!this.hasAttribute("role")) this.setAttribute("role", "region");
    if (!this.hasAttribute("aria-label")) this.setAttribute("aria-label", "Live player");
    this.#buttons.window.hidden = !document.pictureInPictureEnabled;
    this.#restart();
  }

  disconnectedCallback() {
    this.#built = false;
    this.#stop();
  }

  attributeChangedCallback() {
    if (this.#built) this.#restart();
  }

  /** What is shown now: {state, way, title, message, tried, latency_s, about}. */
  get status() {
    return {
      state: this.dataset.state,
      way: this.#way?.name ?? null,
      title: this.#way?.title ?? "",
      message: this.#message.textContent,
      tried: this.#tried,
      latency_s: this.latency_s ?? null,
      about: this.#about,
    };
  }

  get video() {
    return this.#video;
  }

  // -- playing

  #url(behind) {
    const source = new URL(this.getAttribute("src") ?? "", document.baseURI);
    const address = new URL(source);
    address.pathname = `${source.pathname.replace(/\/$/, "")}/${behind}`;
    address.hash = "";
    const token = this.getAttribute("token");
    if (token) address.searchParams.set("token", token);
    return address.href;
  }

  #restart() {
    this.#stop();
    this.#pause_ms = 1000;
    if (this.getAttribute("src") === null) {
      this.#say("failed", "This player has no address: give it src=\"http://server:8080/name\".");
      return;
    }
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.#say("connecting", "Connecting …");
    this.#run(stopping.signal);
  }

  #stop() {
    this.#stopping?.abort();
    this.#stopping = null;
    this.#forget();
    this.#video.srcObject = null;
  }

  #forget() {
    this.#playing = this.#way = null;
    clearInterval(this.#looking);
  }

  async #run(signal) {
    while (!signal.aborted) {
      const about = await this.#look(signal);
      if (signal.aborted) return;
      if (about === null || about.state !== "live") {
        await pause(LOOK_AGAIN_MS, signal);
        continue;
      }
      const reason = await this.#playOne(about, signal);
      if (signal.aborted) return;
      if (reason !== null) this.#say("connecting", `${sentence(reason)} Connecting again …`);
      await pause(this.#pause_ms, signal);
      this.#pause_ms = Math.min(this.#pause_ms * 2, MOST_PAUSE_MS);
    }
  }

  /* Ask the server what the mount has; says so where there is nothing to play. */
  async #look(signal) {
    const asked_ms = Date.now();
    try {
      const answer = await fetch(this.#url("about"), {signal, cache: "no-store"});
      if (!answer.ok) {
        this.#say("failed", sentence((await failureOf(answer)).message));
        return null;
      }
      const about = await answer.json();
      this.#clock.note(asked_ms, Date.now(), about.server_unix_s);
      this.#about = about;
      if (about.state !== "live") {
        this.#say("waiting", `${sentence(about.detail)} It plays here as soon as it can.`);
      }
      return about;
    } catch {
      if (!signal.aborted) this.#say("failed", "The server does not answer. Trying again …");
      return null;
    }
  }

  /* Go down the chain until a way plays; return why it ended, or null where none did. */
  async #playOne(about, signal) {
    this.#tried = [];
    for (const [way, reason] of this.#chain(about)) {
      if (signal.aborted) return null;
      if (reason) {
        this.#tried.push({title: way.title, reason});
        continue;
      }
      const own = new AbortController();
      const stop = () => own.abort();
      signal.addEventListener("abort", stop, {once: true});
      let playing = null;
      try {
        let end = null;
        const ended = new Promise((resolve) => { end = resolve; });
        playing = await way.start(this.#video, {
          url: (behind) => this.#url(behind),
          signal: own.signal,
          clock: this.#clock,
          image: this.#image,
          about,
          onEnd: end,
          // What shows a server that its own page asks, where somebody has logged in.
          own: about.csrf ? {"X-Headwater-CSRF": about.csrf} : {},
        });
        this.#video.play().catch(() => {});
        if (way !== snapshots && about.pictures) await this.#pictures(own.signal, ended);
        if (signal.aborted) return null;
        this.#began(way, playing);
        const reason = await Promise.race([ended, aborted(signal)]);
        playing.stop();
        return reason;
      } catch (error) {
        if (signal.aborted) return null;
        this.#tried.push({title: way.title, reason: error.message});
      } finally {
        own.abort();
        signal.removeEventListener("abort", stop);
        // Another run may have begun meanwhile.
        if (playing && this.#playing === playing) this.#forget();
      }
    }
    const list = this.#tried.map(({title, reason}) => `${title}: ${reason}`);
    this.#say("failed", `Nothing that this browser can do plays this stream. ${list.join(". ")}.`);
    return null;
  }

  /* The ways, the best first, each with the reason why it is passed over there, or null. */
  #chain(about) {
    const wanted = this.getAttribute("ways")?.split(/[\s,]+/).filter(Boolean);
    const now = [];
    const later = [];
    for (const way of CHAIN) {
      if (wanted?.length && !wanted.includes(way.name)) continue;
      const told = about.ways[way.name];
      const unable = told ? told.no ?? way.unable(about) : "this server does not offer it";
      const isLast = way === snapshots;
      if (unable || !isLast) now.push([way, unable ?? told.later ?? null]);
      if (!unable && (told.later || isLast)) later.push([way, null]);
    }
    return [...now, ...later];
  }

  /* Wait for the first picture. */
  #pictures(signal, ended) {
    const video = this.#video;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("it connected, but no picture came")),
        PICTURE_MS);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", done, {once: true});
      ended.then((reason) => {
        clearTimeout(timer);
        reject(new Error(reason));
      });
      if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(done);
      else video.addEventListener("timeupdate", done, {once: true});
    });
  }

  #began(way, playing) {
    this.#way = way;
    this.#playing = playing;
    this.#pause_ms = 1000;
    this.#say("playing", "");
    const look = async () => {
      const latency_s = await playing.latency();
      if (this.#playing !== playing) return;
      this.latency_s = latency_s;
      this.#late.textContent = latency_s === null ? "" : `${inWords(latency_s)} behind`;
      this.#tell();
    };
    look();
    this.#looking = setInterval(look, 1000);
  }

  // -- showing

  #say(state, message) {
    this.dataset.state = state;
    this.#message.textContent = message;
    this.#message.hidden = !message;
    if (state !== "playing") {
      this.latency_s = null;
      this.#late.textContent = "";
    }
    this.#draw();
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("headwater-status", {detail: this.status}));
  }

  #draw() {
    const video = this.#video;
    const playing = this.dataset.state === "playing";
    const hasSound = Boolean(this.#about?.sound) && this.#way !== snapshots;
    this.#badge.textContent = this.#way?.title ?? "";
    this.#badge.hidden = !playing;
    this.#bar.hidden = !this.#way;
    if (playing && hasSound && !video.muted) this.#meter.start();
    else this.#meter.stop();
    this.#badge.title = this.#tried.map(({title, reason}) => `${title}: ${reason}`).join("\n");
    this.#unmute.hidden = !(playing && video.muted && hasSound);
    this.#buttons.mute.hidden = !hasSound;
    this.#name("mute", video.muted ? "Turn sound on" : "Turn sound off",
      video.muted ? "muted" : "sound");
    this.#name("play", video.paused ? "Play" : "Pause", video.paused ? "play" : "pause");
  }

  #button(key, title, drawing, act) {
    const made = element("button", {type: "button"});
    made.addEventListener("click", act);
    this.#buttons[key] = made;
    this.#name(key, title, drawing);
    return made;
  }

  #name(key, title, drawing) {
    const button = this.#buttons[key];
    if (button.title === title) return;
    button.title = title;
    button.setAttribute("aria-label", title);
    button.replaceChildren(icon(drawing));
  }

  // -- what the viewer does

  #togglePlay() {
    const video = this.#video;
    if (video.paused) {
      const buffered = video.buffered;
      if (buffered.length && !video.srcObject) {
        video.currentTime = Math.max(0, buffered.end(buffered.length - 1) - 0.2);
      }
      video.play().catch(() => {});
    } else {
      video.pause();
    }
  }

  #toggleSound(onlyOn = false) {
    if (onlyOn && !this.#video.muted) return;
    this.#video.muted = !this.#video.muted;
    if (!this.#video.muted) this.#video.play().catch(() => {});
  }

  async #togglePicture() {
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture();
      else await this.#video.requestPictureInPicture();
    } catch {
      this.#buttons.window.hidden = true;
    }
  }

  #toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.requestFullscreen) this.requestFullscreen().catch(() => {});
    else this.#video.webkitEnterFullscreen?.();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isButton = event.composedPath()[0] instanceof HTMLButtonElement;
    const acts = {
      m: () => this.#toggleSound(),
      f: () => this.#toggleFull(),
      p: () => this.#togglePicture(),
      k: () => this.#togglePlay(),
      " ": isButton ? null : () => this.#togglePlay(),
    };
    const act = acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/** A time for people. */
export function inWords(seconds) {
  const shown_ms = Math.max(0, Math.round(seconds * 1000));
  return shown_ms < 1000 ? `${shown_ms} ms` : `${(shown_ms / 1000).toFixed(1)} s`;
}

function sentence(text) {
  const trimmed = String(text ?? "").trim();
  if (!trimmed) return "";
  const begun = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

function pause(time_ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time_ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, {once: true});
  });
}

function aborted(signal) {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(null), {once: true});
  });
}

customElements.define("headwater-player", HeadwaterPlayer);
