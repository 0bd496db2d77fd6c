/**
 * Fingers on a terminal: one scrolls, two zoom, a long press selects.
 *
 * Where nothing can be scrolled back, scrolling is told to the emulator as a wheel: a program that
 * wants the mouse hears of it, and one on the alternate screen gets arrow keys.
 */

import { FONT_SIZES } from "../terminal/terminal_commands.js";

const LONG_PRESS_MS = 500;

/** CSS pixels that a finger may move without meaning to. */
const STILL = 8;

/** Speed that is left of a flick after a frame of 16 ms, and the one at which it stops. */
const FRICTION = 0.94;
const LEAST_SPEED = 0.03;

/**
 * @param {HTMLElement} host
 * @param {object} what
 * @param {(pixels: number, x: number, y: number) => void} what.onscroll down, in CSS pixels; where
 * @param {import("../page/preferences.js").Preferences} what.preferences
 * @param {(x: number, y: number) => void} what.onpress a finger rests; in CSS pixels of the window
 * @param {(x: number, y: number) => void} what.onrelease and has left again
 * @param {AbortSignal} what.signal
 */
export function connectGestures(host, { onscroll, preferences, onpress, onrelease, signal }) {
  /** @type {Map<number, { x: number, y: number }>} */
  const fingers = new Map();
  let isScrolling = false;
  let isPressed = false;
  let isClickDue = false;
  let speed = 0;
  let movedAt = 0;
  let press = 0;
  let flick = 0;
  /** @type {{ distance: number, fontSize: number } | null} */
  let pinch = null;

  const glide = (/** @type {{ x: number, y: number }} */ at) => {
    if (Math.abs(speed) < LEAST_SPEED) return;
    onscroll(speed * 16, at.x, at.y);
    speed *= FRICTION;
    flick = requestAnimationFrame(() => glide(at));
  };

  host.addEventListener(
    "pointerdown",
    (event) => {
      if (event.pointerType !== "touch") return;
      cancelAnimationFrame(flick);
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      clearTimeout(press);
      if (fingers.size === 1) {
        isScrolling = isPressed = isClickDue = false;
        speed = 0;
        press = window.setTimeout(() => {
          isPressed = isClickDue = true;
          onpress(event.clientX, event.clientY);
        }, LONG_PRESS_MS);
      } else if (fingers.size === 2) {
        pinch = { distance: spread(fingers), fontSize: preferences.get("fontSize") };
      }
    },
    { signal },
  );

  host.addEventListener(
    "pointermove",
    (event) => {
      const finger = fingers.get(event.pointerId);
      if (finger === undefined) return;
      const moved = finger.y - event.clientY;
      if (isPressed) return;
      if (fingers.size === 1 && (isScrolling || Math.hypot(finger.x - event.clientX, moved) > STILL)) {
        clearTimeout(press);
        isScrolling = true;
        const elapsed = Math.max(1, event.timeStamp - movedAt);
        speed = 0.7 * (moved / elapsed) + 0.3 * speed;
        movedAt = event.timeStamp;
        onscroll(moved, event.clientX, event.clientY);
        fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      } else if (fingers.size === 2) {
        fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
        if (pinch !== null) preferences.set("fontSize", zoomed(pinch, spread(fingers)));
      }
    },
    { signal },
  );

  const lifted = (/** @type {PointerEvent} */ event) => {
    const finger = fingers.get(event.pointerId);
    if (finger === undefined) return;
    fingers.delete(event.pointerId);
    clearTimeout(press);
    pinch = null;
    const isFlick = isScrolling && fingers.size === 0 && event.timeStamp - movedAt < 50;
    if (isFlick) glide(finger);
    // Behind this event: it would close at once what it opens.
    if (isPressed) setTimeout(() => onrelease(finger.x, finger.y));
    isPressed = false;
  };
  host.addEventListener("pointerup", lifted, { signal });
  // Browsers make a click of a finger that leaves; behind a press it would choose what lies under it.
  host.addEventListener("touchend", (event) => isClickDue && event.preventDefault(), {
    passive: false,
    signal,
  });
  host.addEventListener("pointercancel", lifted, { signal });
  signal.addEventListener("abort", () => {
    clearTimeout(press);
    cancelAnimationFrame(flick);
  });
}

/** @param {Map<number, { x: number, y: number }>} fingers */
function spread(fingers) {
  const [one, other] = [...fingers.values()];
  return one === undefined || other === undefined ? 0 : Math.hypot(one.x - other.x, one.y - other.y);
}

/**
 * @param {{ distance: number, fontSize: number }} pinch how it began
 * @param {number} distance
 */
export function zoomed({ distance: before, fontSize }, distance) {
  if (before === 0) return fontSize;
  const size = Math.round((fontSize * distance) / before);
  return Math.min(FONT_SIZES.most, Math.max(FONT_SIZES.least, size));
}
