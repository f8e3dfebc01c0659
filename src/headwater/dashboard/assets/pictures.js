/* Pictures of the cards that are seen: one after another, never more than the server can make.

   A mount has one decoder, which all pages share. A few pictures are asked for at a time, and the
   longer they take the longer is the pause, so that a hundred cards in sight ask no more of the
   server than a few do. */

import {Refused, server} from "./server.js";
import {addressOf} from "./words.js";

const AT_ONCE = 3;
const EVERY_MS = 1000;
const CALM_EVERY_MS = 10_000;
/* So many times what a picture took is the least until the next one of its mount. */
const REST = 2;
/* With more in sight only key frames are decoded: that costs little, and moves with each of them. */
const MOST_WHOLE = 2;
const KEY_AGE_S = 60;
const WHOLE_AGE_S = 5;
const AFTER_FAILURE_MS = 8000;
const FOR_GOOD = new Set([401, 403, 406, 501]);

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Pictures {
  #cards = new Map();
  #asking = 0;
  #inSight = 0;
  #timer = null;
  #paused = false;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#soon(0));
  }

  get paused() {
    return this.#paused;
  }

  pause(paused) {
    this.#paused = paused;
    this.#soon(0);
  }

  /** Show pictures of a path in an image, while `wanted()` says so. */
  watch(path, image, {wanted, told}) {
    this.#cards.set(image, {path, image, wanted, told, due_ms: 0, asking: false, url: null});
    this.#soon(0);
  }

  unwatch(image) {
    const card = this.#cards.get(image);
    if (!card) return;
    this.#cards.delete(image);
    if (card.url) URL.revokeObjectURL(card.url);
  }

  /** Look again what is in sight. */
  look() {
    this.#soon(0);
  }

  /** A path is live again, or may be looked at now: what was refused for good is asked again. */
  renew(image) {
    const card = this.#cards.get(image);
    if (card) card.due_ms = 0;
    this.#soon(0);
  }

  #soon(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#turn(), ms);
  }

  #turn() {
    if (this.#paused || document.hidden) return;
    const now = performance.now();
    const wanted = [...this.#cards.values()].filter((card) => card.wanted());
    this.#inSight = wanted.length;
    const waiting = wanted
      .filter((card) => !card.asking && card.due_ms !== Infinity)
      .sort((a, b) => a.due_ms - b.due_ms);
    for (const card of waiting) {
      if (this.#asking >= AT_ONCE) return;
      if (card.due_ms > now) {
        this.#soon(card.due_ms - now);
        return;
      }
      this.#ask(card);
    }
    if (!waiting.length && this.#cards.size) this.#soon(EVERY_MS);
  }

  async #ask(card) {
    const began_ms = performance.now();
    card.asking = true;
    this.#asking += 1;
    let next_ms = 0;
    try {
      const width = Math.min(640, Math.ceil(card.image.clientWidth * devicePixelRatio / 160) * 160) || 320;
      const whole = this.#inSight <= MOST_WHOLE;
      const frames = whole ? `frames=all&max_age_s=${WHOLE_AGE_S}` : `frames=key&max_age_s=${KEY_AGE_S}`;
      const query = `?width=${width}&quality=72&${frames}`;
      const answer = await server.ask(addressOf(card.path, `/snapshot.jpg${query}`, "/v1/mounts"));
      const url = URL.createObjectURL(await answer.blob());
      if (this.#cards.has(card.image)) {
        card.image.src = url;
        await card.image.decode().catch(() => {});
        if (card.url) URL.revokeObjectURL(card.url);
        card.url = url;
        card.told(null);
      } else {
        URL.revokeObjectURL(url);
      }
      const took_ms = performance.now() - began_ms;
      next_ms = Math.max(calm.matches ? CALM_EVERY_MS : EVERY_MS, took_ms * REST);
    } catch (error) {
      const status = error instanceof Refused ? error.status : 0;
      card.told(error);
      next_ms = FOR_GOOD.has(status) ? Infinity : AFTER_FAILURE_MS;
    }
    card.due_ms = performance.now() + next_ms;
    card.asking = false;
    this.#asking -= 1;
    this.#soon(0);
  }
}
