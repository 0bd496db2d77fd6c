/**
 * The places of the page that its parts fill: see ``index.html``.
 */

import { find } from "../ui/dom.js";

export class Frame {
  /** Where one is: the session's name. */
  place = find("place");
  /** The session's terminals. */
  tabs = find("tabs");
  /** Who has the keyboard. */
  turn = find("turn");
  people = find("people");
  /** Buttons that belong to a session. */
  tools = find("tools");
  link = find("link");
  /** What can be done with the page itself. */
  menu = find("menu");
  /** The terminals, or the list of sessions. */
  stage = find("stage");
  /** The channel. */
  panel = find("panel");
  /** Keys for fingers. */
  foot = find("foot");
  notices = find("notices");

  /** Empties all of them. */
  clear() {
    const { place, tabs, turn, people, tools, stage, panel, foot, notices } = this;
    for (const part of [place, tabs, turn, people, tools, stage, panel, foot, notices]) {
      part.replaceChildren();
    }
    panel.hidden = true;
    people.hidden = true;
    for (const name of ["role", "aria-label"]) tabs.removeAttribute(name);
  }
}
