/**
 * The form that asks for a name and a password, where the server wants them.
 */

import { element } from "./ui/dom.js";

/** @typedef {import("./login.js").LoginState} LoginState */

/** @type {Partial<Record<LoginState, string>>} */
const COMPLAINTS = {
  denied: "The name or the password is wrong.",
  slow: "There were too many wrong attempts. Wait a minute, and try again.",
  gone: "The server does not answer. Try again.",
};

/**
 * @param {string} label
 * @param {string} type
 * @param {AutoFill} autocomplete
 */
function field(label, type, autocomplete) {
  const input = document.createElement("input");
  Object.assign(input, { type, autocomplete, required: true, name: autocomplete, maxLength: 1024 });
  input.autocapitalize = "none";
  input.spellcheck = false;
  const row = element("label", { text: label });
  row.append(input);
  return { row, input };
}

/**
 * Ask until the server is content.
 *
 * @param {HTMLElement} stage
 * @param {(user: string, password: string) => Promise<LoginState>} logIn
 * @returns {Promise<void>} resolves when somebody is logged in, and the form is gone
 */
export function askForPassword(stage, logIn) {
  const form = document.createElement("form");
  form.className = "failure login";
  form.append(element("h2", { text: "Log in" }));
  const user = field("Name", "text", "username");
  const password = field("Password", "password", "current-password");
  const complaint = element("p", { className: "complaint" });
  complaint.setAttribute("role", "alert");
  const submit = element("button", { text: "Log in", className: "primary" });
  form.append(user.row, password.row, complaint, submit);
  stage.append(form);
  user.input.focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = /** @type {HTMLButtonElement} */ (submit);
      button.disabled = true;
      const state = await logIn(user.input.value, password.input.value);
      button.disabled = false;
      if (state === "ok") {
        form.remove();
        resolve();
        return;
      }
      complaint.textContent = COMPLAINTS[state] ?? "";
      password.input.value = "";
      password.input.focus();
    });
  });
}
