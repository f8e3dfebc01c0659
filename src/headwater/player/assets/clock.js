/* The server's clock, as far as it can be told from here: from the request whose answer was quickest. */

export class ServerClock {
  #offset_ms = 0;
  #quickest_ms = Infinity;

  /** Learn what the server's clock said in an answer. */
  note(asked_ms, answered_ms, server_s) {
    const took_ms = answered_ms - asked_ms;
    if (took_ms > this.#quickest_ms) return;
    this.#quickest_ms = took_ms;
    this.#offset_ms = server_s * 1000 + took_ms / 2 - answered_ms;
  }

  /** Seconds since 1970 by the server's clock; null before it is known. */
  now_s() {
    return this.#quickest_ms === Infinity ? null : (Date.now() + this.#offset_ms) / 1000;
  }
}
