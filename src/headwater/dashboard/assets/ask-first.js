/* A question before something that cannot be taken back. */

import {button} from "./dom.js";
import {element} from "./elements.js";

export function askFirst(title, text, action) {
  return new Promise((resolve) => {
    let sure = false;
    const no = button("Cancel", () => dialog.close(), {class: "quiet", autofocus: true});
    const yes = button(action, () => {
      sure = true;
      dialog.close();
    }, {class: "grave"});
    const dialog = element("dialog", {class: "small", "aria-labelledby": "question", role: "alertdialog"},
      element("h2", {id: "question"}, title),
      element("p", {}, text),
      element("div", {class: "actions"}, no, yes));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(sure);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
