/* Playing by WebRTC: one offer, one answer (WHEP), then pictures within a few milliseconds. */

import {Failure, failureOf, within} from "./failure.js";

const GATHERING_MS = 500;
const CONNECTING_MS = 6000;

export const webrtc = {
  name: "webrtc",
  title: "WebRTC",

  /** Why this browser cannot do it at all; null where it can. */
  unable(about) {
    if (!("RTCPeerConnection" in globalThis)) return "this browser has no WebRTC";
    const known = globalThis.RTCRtpReceiver?.getCapabilities?.("video")?.codecs;
    const sent = about.tracks.filter((track) => track.kind === "video").map(({codec}) => codec);
    if (!known || !sent.length) return null;
    const names = new Set(known.map(({mimeType}) => mimeType.split("/")[1].toUpperCase()));
    if (sent.some((codec) => names.has(codec))) return null;
    return `this browser plays no ${sent.join(" or ")} by WebRTC`;
  },

  async start(video, {url, signal, onEnd, own, about}) {
    const peer = new RTCPeerConnection({iceServers: about.ice_servers ?? []});
    let session = null;
    const stop = () => {
      peer.close();
      if (session) fetch(session, {method: "DELETE", keepalive: true, headers: own}).catch(() => {});
      session = null;
    };
    signal.addEventListener("abort", stop, {once: true});
    try {
      const stream = new MediaStream();
      peer.addEventListener("track", (event) => stream.addTrack(event.track));
      peer.addTransceiver("video", {direction: "recvonly"});
      peer.addTransceiver("audio", {direction: "recvonly"});
      await peer.setLocalDescription(await peer.createOffer());
      await gathered(peer);
      const address = url("whep");
      const answer = await fetch(address, {
        method: "POST",
        headers: {"Content-Type": "application/sdp", ...own},
        body: peer.localDescription.sdp,
        signal,
      });
      if (!answer.ok) throw await failureOf(answer);
      session = new URL(answer.headers.get("Location"), address);
      const connected = new Promise((resolve, reject) => {
        peer.addEventListener("connectionstatechange", () => {
          if (peer.connectionState === "connected") resolve();
          if (peer.connectionState === "failed" || peer.connectionState === "closed") {
            reject(new Failure("no way for media was found between browser and server: open " +
              "the server's port webrtc.port in the firewall, and name its address in " +
              "webrtc.hosts where it is behind NAT", "no_way"));
          }
        });
      });
      await peer.setRemoteDescription({type: "answer", sdp: await answer.text()});
      video.srcObject = stream;
      await within(CONNECTING_MS, connected, signal,
        "no media came by WebRTC in time: open the server's port webrtc.port (UDP and TCP) in " +
        "the firewall, and name its address in webrtc.hosts where it is behind NAT");
      peer.addEventListener("connectionstatechange", () => {
        if (["failed", "disconnected", "closed"].includes(peer.connectionState) && !signal.aborted) {
          onEnd("the connection was lost");
        }
      });
    } catch (error) {
      signal.removeEventListener("abort", stop);
      stop();
      throw error;
    }
    return {stop, latency: () => latencyOf(peer)};
  },
};

function gathered(peer) {
  // The server has a public address: what it needs of ours comes by its checks.
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    setTimeout(resolve, GATHERING_MS);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState === "complete") resolve();
    });
  });
}

const last = new WeakMap();

/** Seconds from the server to the screen: half a round trip, and the time in buffer and decoder. */
async function latencyOf(peer) {
  let trip_s = 0;
  let waited_s = null;
  for (const entry of (await peer.getStats()).values()) {
    if (entry.type === "candidate-pair" && entry.nominated) {
      trip_s = entry.currentRoundTripTime ?? 0;
    }
    if (entry.type === "inbound-rtp" && entry.kind === "video") {
      const before = last.get(peer) ?? {delay: 0, count: 0, decoded_s: 0, decoded: 0};
      const now = {
        delay: entry.jitterBufferDelay ?? 0,
        count: entry.jitterBufferEmittedCount ?? 0,
        decoded_s: entry.totalDecodeTime ?? 0,
        decoded: entry.framesDecoded ?? 0,
      };
      last.set(peer, now);
      if (now.count > before.count && now.decoded > before.decoded) {
        waited_s = (now.delay - before.delay) / (now.count - before.count) +
          (now.decoded_s - before.decoded_s) / (now.decoded - before.decoded);
      }
    }
  }
  return waited_s === null ? null : waited_s + trip_s / 2;
}
