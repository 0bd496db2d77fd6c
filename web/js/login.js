/**
 * Trading a token, a share link or a password for the login cookie, and asking who one is.
 */

/**
 * @typedef {"ok" | "denied" | "password" | "expired" | "slow" | "gone"} LoginState
 * What to do next: go on; come with the right URL; ask for name and password; ask for another
 * link; wait; try later.
 *
 * @typedef {object} Login
 * @property {LoginState} state
 * @property {string | null} home the session to begin in
 * @property {{ id: string, name: string } | null} user who the server takes the page for
 * @property {import("./transports.js").Transport} [first] what the operator wants to be used first
 *
 * @typedef {{ token?: string | null, share?: string | null }} Secrets of the address
 */

/**
 * @param {string} path below the page's own
 * @param {object} [body] makes it a POST of JSON
 * @returns {Promise<Response | null>} null when the server does not answer
 */
async function ask(path, body) {
  const post = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  try {
    return await fetch(new URL(path, document.baseURI), body === undefined ? {} : post);
  } catch {
    return null;
  }
}

/** @param {Response | null} answer @returns {LoginState} */
function stateOf(answer) {
  if (answer === null || answer.status >= 500) return "gone";
  if (answer.status === 429) return "slow";
  return answer.ok ? "ok" : "denied";
}

/** @returns {Promise<Login>} */
async function whoAmI() {
  const answer = await ask("api/whoami");
  const state = stateOf(answer);
  if (answer !== null && state === "ok") {
    const { id, name, session, transport } = await answer.json();
    const first = transport === "sse" ? "events" : "websocket";
    return { state, home: session, user: { id, name }, first };
  }
  if (state !== "denied") return failed(state);
  const mode = await ask("api/auth");
  const wantsPassword = mode !== null && mode.ok && (await mode.json()).mode === "password";
  return failed(wantsPassword ? "password" : "denied");
}

/** @param {LoginState} state @returns {Login} */
function failed(state) {
  return { state, home: null, user: null };
}

/**
 * Log in by what the address held; by the cookie where it held nothing.
 *
 * @param {Secrets} [secrets]
 * @returns {Promise<Login>}
 */
export async function logIn({ token = null, share = null } = {}) {
  if (token === null && share === null) return whoAmI();
  const state = stateOf(await ask("api/login", share === null ? { token } : { share }));
  if (state === "ok") return whoAmI();
  if (state !== "denied") return failed(state);
  if (share !== null) return failed("expired");
  const known = await whoAmI(); // an old URL in a bookmark: the cookie may still be good
  return known.state === "ok" ? known : failed(known.state);
}

/**
 * Where a guest begins: the session's newest terminal whose program runs.
 *
 * @param {string} session
 * @returns {Promise<string | null>} its name; null if there is none
 */
export async function newestTerminal(session) {
  const answer = await ask(`api/sessions/${session}/terminals`);
  if (answer === null || !answer.ok) return null;
  /** @type {{ id: string, exit?: object }[]} */
  const terminals = (await answer.json()).terminals;
  return terminals.filter((terminal) => terminal.exit === undefined).at(-1)?.id ?? null;
}

/**
 * @param {string} user
 * @param {string} password
 * @returns {Promise<LoginState>}
 */
export async function logInAs(user, password) {
  return stateOf(await ask("api/login", { user, password }));
}

/** Ends the login, and with it every connection that came by it. */
export async function logOut() {
  await ask("api/logout", {});
}
