/* The board as it comes: everything at first, then what has changed; open again when it breaks. */

import {server} from "./server.js";

const FIRST_PAUSE_MS = 1000;
const MOST_PAUSE_MS = 15_000;
const SILENT_MS = 12_000;

/** Hand each event to `take` until the signal aborts; `broken` is told why it ended each time. */
export async function follow(address, {take, broken, signal}) {
  let pause_ms = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const answer = await server.ask(address, {signal});
      let first = true;
      for await (const news of events(answer.body, signal)) {
        pause_ms = FIRST_PAUSE_MS;
        take(news, first);
        first = false;
      }
      if (!signal.aborted) broken(null);
    } catch (error) {
      if (signal.aborted) return;
      if (broken(error) === "stop") return;
    }
    await pause(pause_ms, signal);
    pause_ms = Math.min(pause_ms * 2, MOST_PAUSE_MS);
  }
}

async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    while (true) {
      const {value, done} = await within(SILENT_MS, reader.read(), signal);
      if (done) return;
      text += value;
      let end;
      while ((end = text.indexOf("\n\n")) >= 0) {
        const data = text.slice(0, end).split("\n").find((line) => line.startsWith("data: "));
        text = text.slice(end + 2);
        if (data) yield JSON.parse(data.slice(6));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function within(limit_ms, promise, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the server is silent")), limit_ms);
    const left = () => reject(new Error("left"));
    signal.addEventListener("abort", left, {once: true});
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", left);
    });
  });
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, {once: true});
  });
}
