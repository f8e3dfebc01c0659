/* Playing fragments of MP4 that come on a WebSocket, one for each frame (MSE). */

import {Failure, within} from "./failure.js";

const FIRST_FRAME_MS = 10_000;
/* What a browser may play; the server picks, and the exact name is looked at once it is told. */
const CODECS = [
  "avc1.42e01e", "avc1.640029", "hvc1.1.6.L120.B0", "av01.0.08M.08", "vp09.00.41.08",
  "mp4a.40.2", "opus", "flac",
];
/* The least that is buffered, as it is aimed at: frames come in lumps, of sound more than of pictures,
   so what counts is the lowest point of a second. Each time that it ran out, more is aimed at. */
const FIRST_LEAST_S = 0.08;
const MOST_LEAST_S = 0.5;
const LESS_AFTER_MS = 10_000;
const FAR_AHEAD_S = 0.8;
/* What was kept comes in several messages: who has just begun is taken to the end of them. */
const BEGINNING_MS = 1500;
const FAR_AT_BEGIN_S = 0.3;
const FIRST_AHEAD_S = 0.15;
const FASTEST = 1.2;
const FOLLOW_MS = 50;
const LOOKS = 20;
const KEPT_S = 10;
const TRIM_AT_S = 30;
const MOST_WAITING = 3000;

const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;

export const mse = {
  name: "mse",
  title: "MSE",

  unable() {
    return Source ? null : "this browser has no Media Source Extensions";
  },

  async start(video, {url, signal, clock, onEnd}) {
    const player = new Fragments(video, clock);
    const address = new URL(url("mse"));
    address.protocol = address.protocol.replace("http", "ws");
    let socket = null;
    const stop = () => {
      socket?.close();
      player.close();
    };
    signal.addEventListener("abort", stop, {once: true});
    try {
      await within(FIRST_FRAME_MS, player.open(), signal, "the browser opened no media source");
      const playing = new Promise((resolve, reject) => {
        socket = new WebSocket(address);
        socket.binaryType = "arraybuffer";
        socket.addEventListener("open", () => {
          socket.send(JSON.stringify({type: "mse", value: playable().join(",")}));
        });
        socket.addEventListener("message", (event) => {
          try {
            player.take(event.data);
          } catch (error) {
            reject(error);
            end(error.message);
          }
        });
        player.onBegin = resolve;
        player.onError = (error) => {
          reject(error);
          end(error.message);
        };
        let over = false;
        const end = (reason) => {
          if (over) return;
          over = true;
          reject(new Failure(reason));
          if (!signal.aborted) onEnd(reason);
        };
        socket.addEventListener("close", (event) => end(event.reason || "the connection was lost"));
      });
      await within(FIRST_FRAME_MS, playing, signal, "no key frame came in time: have the " +
        "camera send one at least every few seconds (GOP, I-frame interval)");
    } catch (error) {
      signal.removeEventListener("abort", stop);
      stop();
      throw error;
    }
    return {stop, latency: () => player.latency()};
  },
};

function playable() {
  return CODECS.filter((codec) => {
    const kind = /^(mp4a|opus|flac)/.test(codec) ? "audio" : "video";
    return Source.isTypeSupported(`${kind}/mp4; codecs="${codec}"`);
  });
}

class Fragments {
  #video;
  #clock;
  #source = new Source();
  #buffer = null;
  #waiting = [];
  #begins_unix_s = null;
  #address = null;
  #timer = null;
  #closed = false;
  #ahead_s = [];
  #least_s = FIRST_LEAST_S;
  #changed_ms = 0;
  #begun_ms = null;
  #ranOut = () => this.#wantMore();
  onBegin = () => {};
  onError = () => {};

  constructor(video, clock) {
    this.#video = video;
    this.#clock = clock;
  }

  open() {
    const opened = new Promise((resolve) => {
      this.#source.addEventListener("sourceopen", resolve, {once: true});
    });
    this.#video.disableRemotePlayback = true;
    this.#video.srcObject = null;
    this.#address = URL.createObjectURL(this.#source);
    this.#video.src = this.#address;
    this.#timer = setInterval(() => this.#follow(), FOLLOW_MS);
    this.#video.addEventListener("waiting", this.#ranOut);
    return opened;
  }

  take(message) {
    if (this.#closed) return;
    if (typeof message !== "string") {
      if (this.#waiting.length > MOST_WAITING) throw new Failure("this browser is too slow");
      this.#waiting.push(message);
      this.#append();
      return;
    }
    const said = JSON.parse(message);
    if (said.type === "error") throw new Failure(said.value, said.code);
    if (said.type !== "mse") return;
    if (!Source.isTypeSupported(said.value)) {
      throw new Failure(`this browser does not play ${said.value}`, "no_common_codec");
    }
    this.#begins_unix_s = said.begins_unix_s ?? null;
    this.#waiting.push({type: said.value});
    this.#append();
  }

  #append() {
    const buffer = this.#buffer;
    if (this.#closed || !this.#waiting.length || buffer?.updating) return;
    try {
      const next = this.#waiting[0];
      if (!(next instanceof ArrayBuffer)) {
        this.#waiting.shift();
        if (buffer) {
          buffer.changeType(next.type);
        } else {
          this.#buffer = this.#source.addSourceBuffer(next.type);
          this.#buffer.addEventListener("updateend", () => this.#updated());
          this.#buffer.addEventListener("error", () => {
            this.onError(new Failure("this browser cannot decode the stream", "decoding"));
          });
        }
        this.#append();
        return;
      }
      let count = 1;
      while (this.#waiting[count] instanceof ArrayBuffer) count += 1;
      buffer.appendBuffer(joined(this.#waiting.splice(0, count)));
    } catch (error) {
      this.onError(new Failure(error.message, "decoding"));
    }
  }

  #updated() {
    if (this.#closed) return;
    const buffered = this.#buffer.buffered;
    const video = this.#video;
    if (buffered.length) {
      const first = buffered.start(buffered.length - 1);
      const end = buffered.end(buffered.length - 1);
      if (video.currentTime < first) video.currentTime = Math.max(first, end - FIRST_AHEAD_S);
      this.#begun_ms ??= performance.now();
      this.onBegin();
      const from = buffered.start(0);
      if (!this.#waiting.length && video.currentTime - from > TRIM_AT_S) {
        this.#buffer.remove(from, video.currentTime - KEPT_S);
        return;
      }
    }
    this.#append();
  }

  /* Stay close to the newest frame: a little faster while behind, a jump when far behind. */
  #follow() {
    const video = this.#video;
    const buffered = video.buffered;
    if (!buffered.length || video.paused || video.seeking) return;
    const end = buffered.end(buffered.length - 1);
    const ahead_s = end - video.currentTime;
    const begins = performance.now() - this.#begun_ms < BEGINNING_MS;
    if (ahead_s > (begins ? FAR_AT_BEGIN_S : FAR_AHEAD_S)) {
      video.currentTime = end - FIRST_AHEAD_S;
      this.#ahead_s = [];
      return;
    }
    this.#ahead_s = [...this.#ahead_s.slice(1 - LOOKS), ahead_s];
    const over_s = Math.min(...this.#ahead_s) - this.#least_s;
    video.playbackRate = Math.min(FASTEST, 1 + Math.max(0, over_s));
    if (performance.now() - this.#changed_ms > LESS_AFTER_MS) {
      this.#changed_ms = performance.now();
      this.#least_s = Math.max(FIRST_LEAST_S, this.#least_s * 0.9);
    }
  }

  #wantMore() {
    const beginning_ms = performance.now() - (this.#begun_ms ?? performance.now());
    if (this.#video.seeking || beginning_ms < BEGINNING_MS) return;
    this.#least_s = Math.min(MOST_LEAST_S, this.#least_s * 1.4);
    this.#changed_ms = performance.now();
  }

  latency() {
    const now_s = this.#clock.now_s();
    if (now_s === null || this.#begins_unix_s === null) return null;
    return now_s - this.#begins_unix_s - this.#video.currentTime;
  }

  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#video.removeEventListener("waiting", this.#ranOut);
    this.#video.playbackRate = 1;
    if (this.#address) {
      URL.revokeObjectURL(this.#address);
      this.#video.removeAttribute("src");
      this.#video.load();
    }
  }
}

function joined(parts) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return whole;
}
