/* Why a way of playing does not work, in words for people and with a code for programs. */

export class Failure extends Error {
  constructor(message, code = "failed") {
    super(message);
    this.code = code;
  }
}

/** What an answer of the server says went wrong (RFC 9457). */
export async function failureOf(answer) {
  try {
    const problem = await answer.json();
    return new Failure(problem.detail, problem.code);
  } catch {
    return new Failure(`the server answered ${answer.status}`);
  }
}

/** Wait for a promise, but not for ever, and not once the signal says that nobody wants it. */
export function within(limit_ms, promise, signal, message) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Failure(message, "too_slow")), limit_ms);
    const left = () => reject(new Failure("stopped", "stopped"));
    signal.addEventListener("abort", left, {once: true});
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", left);
    });
  });
}
