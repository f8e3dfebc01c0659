/* How loud it is, for those who have turned the sound on; where the browser can tell. */

import {element} from "./elements.js";

const FLOOR_DB = -60;

export class SoundMeter {
  #video;
  #level = element("i");
  #context = null;
  #source = null;
  #frame = 0;
  element = element("span", {className: "meter", hidden: true, title: "Loudness",
    "aria-hidden": "true"}, this.#level);

  constructor(video) {
    this.#video = video;
  }

  start() {
    if (this.#frame || !this.#video.captureStream || !globalThis.AudioContext) return;
    try {
      const sound = this.#video.captureStream().getAudioTracks();
      if (!sound.length) return;
      this.#context ??= new AudioContext();
      this.#context.resume();
      const analyser = this.#context.createAnalyser();
      this.#source = this.#context.createMediaStreamSource(new MediaStream(sound));
      this.#source.connect(analyser);
      this.#draw(analyser, new Float32Array(analyser.fftSize));
      this.element.hidden = false;
    } catch {
      this.stop();
    }
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#source?.disconnect();
    this.#source = null;
    this.element.hidden = true;
  }

  #draw(analyser, samples) {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const loud_db = 10 * Math.log10(power || 1e-9);
    this.level = Math.max(0, 1 - loud_db / FLOOR_DB);
    this.#level.style.transform = `scaleX(${this.level.toFixed(2)})`;
    this.#frame = requestAnimationFrame(() => this.#draw(analyser, samples));
  }
}
