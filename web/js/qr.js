/**
 * QR codes (ISO/IEC 18004) of texts, to be drawn as one path.
 */

import { encode } from "../vendor/uqr/uqr.mjs";

/** Light modules that have to be around the code, by section 6.3.8. */
const QUIET = 4;

/**
 * @param {string} text
 * @returns {{ size: number, path: string }} the side in modules, with the quiet zone, and an SVG path of
 *   the dark ones
 */
export function qrCode(text) {
  const { data, size } = encode(text, { ecc: "M", border: QUIET });
  const runs = [];
  for (const [y, row] of data.entries()) {
    for (let x = 0; x < size; x += 1) {
      if (!row[x]) continue;
      const begin = x;
      while (x + 1 < size && row[x + 1]) x += 1;
      runs.push(`M${begin} ${y}h${x + 1 - begin}v1H${begin}z`);
    }
  }
  return { size, path: runs.join("") };
}

/**
 * @param {string} text
 * @param {string} label what a screen reader says
 * @returns {SVGSVGElement} dark on light, whatever the page's colours: some readers know no other
 */
export function qrImage(text, label) {
  const { size, path } = qrCode(text);
  const make = (/** @type {string} */ tag, /** @type {Record<string, string>} */ attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const svg = /** @type {SVGSVGElement} */ (
    make("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" })
  );
  svg.append(make("rect", { width: String(size), height: String(size), fill: "#fff" }), make("path", { d: path, fill: "#000" }));
  return svg;
}
