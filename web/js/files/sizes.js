/**
 * Sizes, times and names for people.
 */

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/**
 * @param {number} bytes
 * @returns {string} such as "1.4 MB"
 */
export function formatSize(bytes) {
  let unit = 0;
  while (bytes >= 999.5 && unit < UNITS.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || bytes >= 99.95 ? 0 : 1;
  return `${bytes.toFixed(digits)} ${unit === 0 && bytes === 1 ? "byte" : UNITS[unit]}`;
}

/**
 * @param {number} seconds
 * @returns {string} such as "3 min"
 */
export function formatDuration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** @param {string} path @returns {string} its last name */
export function nameOf(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** @param {string} folder @param {string} name @returns {string} */
export function joined(folder, name) {
  return `${folder.replace(/\/+$/, "")}/${name}`;
}

/** @param {string} folder an absolute path @returns {string} the one above it */
export function parentOf(folder) {
  return folder.replace(/\/+[^/]*\/*$/, "") || "/";
}
