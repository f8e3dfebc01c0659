/* Asking the server: who we are, and all requests with the token that shows that its page asks. */

const LOGIN = "/-/login";

export class Refused extends Error {
  constructor(status, detail, code) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

export const server = {
  standing: null,

  async ask(address, {method = "GET", body, signal} = {}) {
    const headers = {"X-Headwater-CSRF": this.standing?.csrf ?? ""};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(address, {
        method, headers, signal, cache: "no-store", credentials: "same-origin",
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refused(0, "the server does not answer", "unreachable");
    }
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(
      answer.status, problem.detail ?? `the server answered ${answer.status}`, problem.code ?? "");
  },

  async json(address, options) {
    const answer = await this.ask(address, options);
    return answer.status === 204 ? null : answer.json();
  },

  /** Learn who we are, and whether the API lets us in. */
  async look() {
    this.standing = await this.json(LOGIN);
    return this.standing;
  },

  async logIn(user, password) {
    this.standing = await this.json(LOGIN, {method: "POST", body: {user, password}});
    return this.standing;
  },

  async logOut() {
    await this.ask(LOGIN, {method: "DELETE"});
    return this.look();
  },
};
