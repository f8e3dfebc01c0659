/* What stands on the player's buttons. */

import {drawing} from "./elements.js";

const PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  sound: "M4 9v6h4l5 5V4L8 9zM16 8.5a5 5 0 0 1 0 7M18.5 6a8.5 8.5 0 0 1 0 12",
  muted: "M4 9v6h4l5 5V4L8 9zM16.5 9.5l5 5M21.5 9.5l-5 5",
  window: "M3 5h18v14H3zM12.5 12h6v4.5h-6z",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
};

/** A drawing of one of the paths above. */
export function icon(name) {
  return drawing(PATHS[name]);
}
