/* Logging in, and words for those who are not let in. */

import {copied, tell} from "./dom.js";
import {element} from "./elements.js";
import {server} from "./server.js";
import {sentence} from "./words.js";

const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);
const USER = `[[access.users]]
name = "you"
password = "…"       # headwater hash-password
read = ["**"]
look = ["**"]
control = ["**"]`;

export class Login {
  #in;
  #user;

  constructor(loggedIn) {
    this.#in = loggedIn;
  }

  form() {
    const user = this.#user = element("input", {
      id: "user", name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: false,
      "aria-describedby": "user-hint",
    });
    const password = element("input", {
      id: "password", name: "password", type: "password", autocomplete: "current-password", required: true,
    });
    const wrong = element("p", {class: "wrong", role: "alert"});
    const go = element("button", {type: "submit", class: "first"}, "Log in");
    const open = location.protocol === "http:" && !LOCAL.has(location.hostname);
    const form = element("form", {class: "panel login"},
      element("h2", {}, "Log in"),
      element("label", {htmlFor: "user"}, "User"), user,
      element("p", {class: "hint", id: "user-hint"}, "Leave it empty to log in with a token."),
      element("label", {htmlFor: "password"}, "Password"), password,
      open ? element("p", {class: "hint"}, "This page came by plain HTTP: others on the way can read the password. Give the server a certificate (tls).") : "",
      wrong, go);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      tell(wrong, "");
      try {
        await server.logIn(user.value, password.value);
        this.#in();
      } catch (error) {
        tell(wrong, error.status === 401 ? "Wrong user or password." : sentence(error.message));
        password.select();
      } finally {
        go.disabled = false;
      }
    });
    return form;
  }

  focus() {
    this.#user?.focus();
  }
}

export function notLetIn({user, detail}) {
  return element("section", {class: "panel"},
    element("h2", {}, user === null ? "Only for this machine" : "Nothing to look at"),
    element("p", {}, sentence(detail)),
    element("p", {}, "In the configuration of the server, this is a user who may do everything:"),
    copied(USER, "the lines for the configuration"));
}
