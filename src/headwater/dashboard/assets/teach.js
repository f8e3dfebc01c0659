/* What an empty server says: how to publish, how to add a camera, how to watch. */

import {button, copied} from "./dom.js";
import {element} from "./elements.js";

export function teach(dashboard, mayControl) {
  const host = location.hostname.includes(":") ? location.hostname : location.hostname || "server";
  const {publish, play} = dashboard.ports;
  const to = `rtsp://${host}:${publish}/stream1`;
  const from = `rtsp://${host}:${play}/stream1`;
  const steps = [
    step("Publish a test picture", "With ffmpeg, from any machine that reaches this one:",
      copied(`ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=25 -c:v libx264 -preset ultrafast -tune zerolatency -g 25 -f rtsp -rtsp_transport tcp ${to}`, "the ffmpeg line")),
    step("Publish a file", "Without encoding it again:",
      copied(`ffmpeg -re -stream_loop -1 -i FILE -c copy -f rtsp -rtsp_transport tcp ${to}`, "the line for a file")),
    step("Publish from a browser or OBS", "By WHIP, to this address:",
      copied(`${location.origin}/stream1/whip`, "the address for WHIP")),
    mayControl ? step("Fetch a camera", "The server connects to it, and goes on when it comes back:",
      button("Add a camera", () => dashboard.add(), {class: "first"})) : null,
  ].filter(Boolean);
  return element("section", {class: "teach", "aria-labelledby": "teach"},
    element("h2", {id: "teach"}, "Nothing is live yet"),
    element("p", {class: "lead"}, "Send a stream here, or let the server fetch one. It shows up on this page by itself."),
    element("ol", {class: "steps"}, ...steps),
    element("p", {class: "lead"}, "Then watch it on this page, or in any player:"),
    copied(`ffplay -rtsp_transport tcp ${from}`, "the line for watching"));
}

function step(title, text, act) {
  return element("li", {}, element("h3", {}, title), element("p", {}, text), act);
}
