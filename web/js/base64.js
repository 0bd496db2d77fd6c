/** Bytes as text, for messages that are JSON (RFC 4648 section 4). */

/** Arguments that every engine takes in one call. */
const CALL_ARGUMENTS = 8192;

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += CALL_ARGUMENTS) {
    text += String.fromCharCode(...bytes.subarray(at, at + CALL_ARGUMENTS));
  }
  return btoa(text);
}

/**
 * @param {string} encoded
 * @returns {Uint8Array<ArrayBuffer>}
 * @throws {DOMException} it is no base64
 */
export function fromBase64(encoded) {
  const text = atob(encoded);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
