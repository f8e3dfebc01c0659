/* The last resort: one picture a second, where the server can make them. */

import {Failure, failureOf} from "./failure.js";

const EVERY_MS = 1000;

export const snapshots = {
  name: "snapshots",
  title: "Snapshots",

  unable() {
    return null;
  },

  async start(video, {url, signal, onEnd, image}) {
    let timer = null;
    let address = null;
    const stop = () => {
      clearTimeout(timer);
      image.hidden = true;
      if (address) URL.revokeObjectURL(address);
      address = null;
    };
    const show = async () => {
      const answer = await fetch(url("snapshot.jpg"), {signal});
      if (!answer.ok) throw await failureOf(answer);
      const next = URL.createObjectURL(await answer.blob());
      image.src = next;
      await image.decode().catch(() => {
        throw new Failure("the server's snapshot is no picture");
      });
      image.hidden = false;
      if (address) URL.revokeObjectURL(address);
      address = next;
    };
    const again = async () => {
      try {
        await show();
        timer = setTimeout(again, EVERY_MS);
      } catch (error) {
        if (!signal.aborted) onEnd(error.message);
      }
    };
    signal.addEventListener("abort", stop, {once: true});
    await show();
    timer = setTimeout(again, EVERY_MS);
    return {stop, latency: () => null};
  },
};
