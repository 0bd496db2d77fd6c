/**
 * The page's icons: strokes of one weight on a grid of 16, in the colour of the text around them.
 */

const SVG = "http://www.w3.org/2000/svg";

const PATHS = Object.freeze({
  terminal: "M2.5 3.5h11v9h-11zM5 6.5 7 8.5 5 10.5M8.5 10.5h2.5",
  plus: "M8 3v10M3 8h10",
  close: "m4 4 8 8M12 4l-8 8",
  chat: "M2.5 3.5h11v7.5h-6l-3 2.5v-2.5h-2z",
  people: "M6 7.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4M2.5 13c0-2 1.5-3.5 3.5-3.500s3.5 1.5 3.5 3.500M10.5 7.500a1.7 1.7 0 1 0 0-3.400M11.5 9.700c1.3.4 2 1.7 2 3.3",
  more: "M3.2 8a.6.6 0 1 0 1.2 0 .6.6 0 1 0-1.2 0M7.4 8a.6.6 0 1 0 1.2 0 .6.6 0 1 0-1.2 0M11.6 8a.6.6 0 1 0 1.2 0 .6.6 0 1 0-1.2 0",
  home: "m2.5 7.5 5.5-4.5 5.5 4.500M4 6.500v6.500h8V6.5",
  search: "M7 11.500a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9M10.5 10.500l3 3",
  share: "M8 2.500v7M5.5 4.7 8 2.300l2.5 2.400M4.5 7.500h-1.500v6h10v-6h-1.5",
  settings: "M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6M10 3.500v3M6 9.500v3",
  splitRight: "M2.5 3.500h11v9h-11zM8 3.500v9",
  splitDown: "M2.5 3.500h11v9h-11zM2.5 8h11",
  zoom: "M9.5 2.500h4v4M6.5 13.500h-4v-4M13.5 2.500l-4.500 4.500M2.500 13.500l4.500-4.500",
  even: "M2.5 3.500h11v9h-11zM6.2 3.500v9M9.8 3.500v9",
  send: "m3 8 10-4.5-3.5 10-2-4.500z",
  stop: "M4.5 4.500h7v7h-7z",
  keyboard: "M1.5 4.500h13v7h-13zM4 7h.01M6.5 7h.01M9.5 7h.01M12 7h.01M5 9.500h6",
  upload: "M8 10.500v-7M5.5 6 8 3.5 10.5 6M3 12.500h10",
  download: "M8 3.500v7M5.5 8 8 10.5 10.5 8M3 12.500h10",
  folder: "M2 12.500v-9h4l1.5 2h6.500v7z",
  file: "M4 2.500h5l3 3v8h-8zM9 2.500v3h3",
  link: "M6.5 9.500 9.500 6.500M7 5l1.500-1.500a2.1 2.1 0 0 1 3 3L10 8M6 8 4.500 9.500a2.1 2.1 0 0 0 3 3L9 11",
  copy: "M5.5 5.500h7v8h-7zM5.5 10.500h-2v-8h7v3",
  check: "m3.5 8.5 3 3 6-7",
  up: "m4 10 4-4 4 4",
  down: "m4 6 4 4 4-4",
  edit: "M3 13l.5-2.5 7-7 2 2-7 7zM9.5 4.500l2 2",
  trash: "M3 4.500h10M6 4.500v-1.500h4v1.500M4.5 4.500l.5 8.500h6l.5-8.5",
  refresh: "M12.5 8a4.5 4.5 0 1 1-1.3-3.200M12.5 2.500v2.500h-2.5",
  bell: "M4.5 11v-3.500a3.5 3.5 0 0 1 7 0v3.500l1 1h-9zM7 13.500h2",
  grid: "M3 3h4v4h-4zM9 3h4v4h-4zM3 9h4v4h-4zM9 9h4v4h-4z",
  eye: "M1.5 8s2.5-4.5 6.5-4.5 6.5 4.5 6.5 4.5-2.5 4.5-6.5 4.5-6.5-4.5-6.5-4.500M8 9.500a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3",
});

/** @typedef {keyof typeof PATHS} IconName */

/**
 * @param {IconName} name
 * @returns {SVGSVGElement} hidden from screen readers: a label stands beside it
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
