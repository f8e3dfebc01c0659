/* Adding a camera, changing where a path is fetched from, and removing it. */

import {askFirst} from "./ask-first.js";
import {button, tell} from "./dom.js";
import {element} from "./elements.js";
import {server} from "./server.js";
import {addressOf, nameOf, sentence} from "./words.js";

const TRANSPORTS = [["auto", "Whatever works"], ["tcp", "TCP"], ["udp", "UDP"]];

export function addCamera(dashboard) {
  form(dashboard, {title: "Add a camera", action: "Add", path: null,
    added: {source: "", transport: "auto", on_demand: false}});
}

export async function changeSource(dashboard, path) {
  try {
    const {added} = await server.json(addressOf(path, "", "/v1/sources"));
    if (added) form(dashboard, {title: `Change ${nameOf(path)}`, action: "Save", path, added});
  } catch (error) {
    dashboard.say(sentence(error.message));
  }
}

export async function removeSource(dashboard, path) {
  const sure = await askFirst(`Remove ${nameOf(path)}?`,
    "The server fetches it no more, and its readers are sent away.", "Remove");
  if (!sure) return false;
  try {
    await server.ask(addressOf(path, "", "/v1/sources"), {method: "DELETE"});
    dashboard.say(`${nameOf(path)} is removed.`);
    return true;
  } catch (error) {
    dashboard.say(sentence(error.message));
    return false;
  }
}

function form(dashboard, {title, action, path, added}) {
  const name = element("input", {
    id: "source-path", required: true, value: path === null ? "" : nameOf(path), disabled: path !== null,
    autocomplete: "off", autocapitalize: "none", spellcheck: false, placeholder: "cams/front-door",
    "aria-describedby": "source-path-hint",
  });
  const url = element("input", {
    id: "source-url", required: true, value: added.source, autocomplete: "off", autocapitalize: "none",
    spellcheck: false, inputMode: "url", placeholder: "rtsp://user:password@192.168.1.20/stream1",
    "aria-describedby": "source-url-hint",
  });
  const transport = element("select", {id: "source-transport"},
    ...TRANSPORTS.map(([value, text]) => element("option", {value, selected: value === added.transport}, text)));
  const onDemand = element("input", {id: "source-on-demand", type: "checkbox", checked: added.on_demand});
  const wrong = element("p", {class: "wrong", role: "alert"});
  const go = element("button", {type: "submit", class: "first"}, action);
  const made = element("form", {},
    element("h2", {id: "source-title"}, title),
    element("label", {htmlFor: "source-path"}, "Path"), name,
    element("p", {class: "hint", id: "source-path-hint"}, "Under this name it is watched here and by RTSP."),
    element("label", {htmlFor: "source-url"}, "Address of the camera"), url,
    element("p", {class: "hint", id: "source-url-hint"}, path === null
      ? "An rtsp:// or rtsps:// address, with user and password where it needs them. headwater discover finds it."
      : "Where it has … for user and password, those that are kept stay."),
    element("label", {htmlFor: "source-transport"}, "Media comes by"), transport,
    element("label", {class: "check", htmlFor: "source-on-demand"}, onDemand,
      "Fetch it only while somebody watches"),
    wrong,
    element("div", {class: "actions"}, button("Cancel", () => dialog.close(), {class: "quiet"}), go));
  const dialog = element("dialog", {class: "small", "aria-labelledby": "source-title"}, made);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    tell(wrong, "");
    const target = `/${nameOf(name.value.trim())}`;
    const body = {...added, source: url.value.trim(), transport: transport.value, on_demand: onDemand.checked};
    try {
      await server.ask(addressOf(target, "", "/v1/sources"), {method: "PUT", body});
      dashboard.say(`${nameOf(target)} is ${path === null ? "added" : "changed"}.`);
      dialog.close();
    } catch (error) {
      tell(wrong, sentence(error.message));
    } finally {
      go.disabled = false;
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  (path === null ? name : url).focus();
}
