/**
 * Trading the token for the login cookie, and asking who one is.
 */

/** @typedef {"ok" | "denied" | "gone"} LoginState */

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

/**
 * @param {string | null} token of the address, if there was one
 * @returns {Promise<LoginState>}
 */
export async function logIn(token) {
  const answer =
    token === null ? await ask("api/whoami") : await ask("api/login", { token });
  if (answer === null || answer.status >= 500) return "gone";
  return answer.ok ? "ok" : "denied";
}
