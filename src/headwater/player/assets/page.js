/* The page of a mount: what its player does and why, and addresses for other players. */

import {inWords} from "./headwater-player.js";

const player = document.querySelector("headwater-player");
const address = new URL(player.getAttribute("src"), location.href);

/* What the page was asked with goes on to everything that it asks for. */
const token = new URLSearchParams(location.search).get("token");
if (token) player.setAttribute("token", token);

if (!document.body.classList.contains("embedded")) {
  const facts = Object.fromEntries(
    ["state", "way", "late", "codecs", "size"].map((name) => [name, document.getElementById(name)]));
  const live = document.getElementById("live");
  const why = document.getElementById("why");
  let shown = "";
  player.addEventListener("headwater-status", ({detail}) => {
    tell(facts.state, {
      connecting: "Connecting", playing: "Playing", waiting: "Waiting for the publisher",
      failed: "Not playing",
    }[detail.state] ?? "");
    live.hidden = detail.state !== "playing";
    tell(facts.way, detail.title || "–");
    tell(facts.late, detail.latency_s === null ? "–" : `about ${inWords(detail.latency_s)}`);
    tell(facts.codecs, detail.about?.tracks?.map((track) => track.codec).join(", ") || "–");
    const {videoWidth, videoHeight} = player.video;
    tell(facts.size, videoWidth ? `${videoWidth} × ${videoHeight}` : "–");
    const lines = detail.tried.map(({title, reason}) => `Not ${title}: ${reason}.`);
    if (lines.join("\n") !== shown) {
      shown = lines.join("\n");
      why.replaceChildren(...lines.map((line) => made("li", line)));
    }
    if (detail.about) addresses(detail.about);
  });
}

let listed = "";

function addresses(about) {
  const rtsp = about.rtsp ? withToken(`${about.rtsp.scheme}://${location.hostname}:${about.rtsp.port}${address.pathname}`) : null;
  const web = `${address.origin}${address.pathname}`;
  const rows = [
    rtsp && ["ffplay", `ffplay -rtsp_transport tcp "${rtsp}"`],
    rtsp && ["VLC", `vlc "${rtsp}"`],
    rtsp && ["GStreamer", `gst-play-1.0 "${rtsp}"`],
    rtsp && ["OpenCV", `cv2.VideoCapture("${rtsp}")`],
    about.ways.webrtc && !about.ways.webrtc.no && ["WHEP", withToken(`${web}/whep`)],
    about.ways.hls && !about.ways.hls.no && ["HLS", withToken(`${web}/index.m3u8`)],
    ["iframe", `<iframe src="${withToken(`${web}?embed`)}" allow="autoplay; fullscreen; picture-in-picture"></iframe>`],
    ["In a page", `<script type="module" src="${address.origin}/-/headwater-player.js"></script><headwater-player src="${web}"></headwater-player>`],
  ].filter(Boolean);
  const key = JSON.stringify(rows);
  if (key === listed) return;
  listed = key;
  document.getElementById("urls").replaceChildren(...rows.map(([name, text]) => {
    const row = made("li");
    const copy = made("button", "Copy");
    copy.type = "button";
    copy.setAttribute("aria-label", `Copy for ${name}`);
    const code = made("code", text);
    code.tabIndex = 0;
    copy.addEventListener("click", () => copied(copy, code, text));
    row.append(made("span", name), code, copy);
    return row;
  }));
}

async function copied(button, code, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    button.classList.add("done");
    setTimeout(() => {
      button.textContent = "Copy";
      button.classList.remove("done");
    }, 2000);
  } catch {
    // Pages that came by plain HTTP may not write to the clipboard: the text is selected instead.
    getSelection().selectAllChildren(code);
    button.textContent = "Ctrl+C";
  }
}

function withToken(url) {
  if (!token) return url;
  return `${url}${url.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
}

function tell(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function made(name, text = "") {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
