/* Playing by HLS: hls.js where the browser has Media Source Extensions, else the browser itself. */

import {Failure, within} from "./failure.js";

const FIRST_PICTURE_MS = 15_000;
const NATIVE = "application/vnd.apple.mpegurl";

export const hls = {
  name: "hls",
  title: "HLS",

  unable() {
    const source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
    if (source || document.createElement("video").canPlayType(NATIVE)) return null;
    return "this browser plays no HLS";
  },

  async start(video, {url, signal, clock, onEnd}) {
    const {default: Hls} = await import("./hls.light.min.mjs");
    const address = url("index.m3u8");
    if (!Hls.isSupported()) return native(video, address, signal, onEnd);
    const player = new Hls({
      enableWorker: false,
      lowLatencyMode: true,
      backBufferLength: 10,
      maxLiveSyncPlaybackRate: 1.2,
      liveSyncMode: "buffered",
    });
    const stop = () => player.destroy();
    signal.addEventListener("abort", stop, {once: true});
    tellEnd(video, signal, onEnd);
    const begun = new Promise((resolve, reject) => {
      player.on(Hls.Events.FRAG_BUFFERED, resolve);
      player.on(Hls.Events.ERROR, (_name, problem) => {
        if (!problem.fatal) return;
        const said = problem.response?.code ? ` (${problem.response.code})` : "";
        const reason = `HLS failed: ${problem.details}${said}`;
        reject(new Failure(reason));
        if (!signal.aborted) onEnd(reason);
      });
    });
    try {
      player.attachMedia(video);
      player.loadSource(address);
      await within(FIRST_PICTURE_MS, begun, signal, "no segment came in time");
    } catch (error) {
      signal.removeEventListener("abort", stop);
      stop();
      throw error;
    }
    const latency = () => {
      const now_s = clock.now_s();
      const shown = player.playingDate;
      return now_s === null || !shown ? null : now_s - shown.getTime() / 1000;
    };
    return {stop, latency};
  },
};

/* The playlist says when nothing more comes, and then all that is there has been shown. */
function tellEnd(video, signal, onEnd) {
  video.addEventListener("ended", () => onEnd("the stream has ended"), {once: true, signal});
}

async function native(video, address, signal, onEnd) {
  const stop = () => {
    video.removeAttribute("src");
    video.load();
  };
  signal.addEventListener("abort", stop, {once: true});
  tellEnd(video, signal, onEnd);
  const begun = new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", resolve, {once: true});
    video.addEventListener("error", () => {
      const reason = video.error?.message || "the browser cannot play the playlist";
      reject(new Failure(reason));
      if (!signal.aborted) onEnd(reason);
    }, {once: true});
  });
  video.src = address;
  await within(FIRST_PICTURE_MS, begun, signal, "no segment came in time");
  return {stop, latency: () => null};
}
