/**
 * Asking the server's HTTP routes below ``api/`` (docs/operations.md). Draws nothing.
 */

/** Why the server refused, or that it does not answer; for people to read. */
export class ApiError extends Error {}

/**
 * @param {string} method
 * @param {string} path below ``api/``
 * @param {object} [body] sent as JSON
 * @returns {Promise<any>} what it answered; null for nothing
 * @throws {ApiError}
 */
export async function askApi(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  const content = body === undefined ? {} : { headers, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(new URL(`api/${path}`, document.baseURI), { method, ...content });
  } catch {
    throw new ApiError("The server does not answer.");
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const { error } = await answer.json().catch(() => ({}));
  throw new ApiError(error?.message ?? `The server refused (${answer.status}).`);
}
