/**
 * What a bell does besides the mark in its tab: a flash, or a short tone.
 */

import { prefersStillness } from "./appearance.js";

const FLASH_MS = 150;
const TONE_MS = 90;

/** @type {AudioContext | null} */
let audio = null;

/**
 * @param {HTMLElement} pane
 * @param {string} kind as preferred: "mark", "flash" or "sound"
 */
export function ring(pane, kind) {
  if (kind === "flash" && !prefersStillness()) {
    pane.dataset["flash"] = "";
    setTimeout(() => delete pane.dataset["flash"], FLASH_MS);
  }
  if (kind === "sound") sound();
}

/** Browsers allow it once the page has been clicked or typed into. */
function sound() {
  audio ??= new AudioContext();
  const { currentTime, destination } = audio;
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = 880;
  volume.gain.setValueAtTime(0.08, currentTime);
  volume.gain.exponentialRampToValueAtTime(0.0001, currentTime + TONE_MS / 1000);
  tone.connect(volume).connect(destination);
  tone.start();
  tone.stop(currentTime + TONE_MS / 1000);
}
