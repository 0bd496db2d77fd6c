/**
 * Addresses that are easy to write and to link to, ``/s/SESSION`` and ``/s/SESSION/t/TERMINAL``,
 * become those that the page keeps, ``/#/s/SESSION/t/TERMINAL`` (place.js).
 */

/**
 * @param {string} href the address that was opened
 * @param {string} base the page's own, ending in a slash
 * @returns {string | null} the page's own address with the same place and secret in its fragment;
 *   null if ``href`` is no such address
 */
export function foldedAddress(href, base) {
  const { origin, pathname, hash } = new URL(href);
  const path = origin + pathname;
  if (!path.startsWith(base)) return null;
  const place = path.slice(base.length);
  if (!/^s\/[\w.-]+(?:\/t\/[\w.-]+)?$/.test(place)) return null;
  if (hash.startsWith("#/")) return base + hash; // it knows the place better
  const secret = hash.length > 1 ? `&${hash.slice(1)}` : "";
  return `${base}#/${place}${secret}`;
}
