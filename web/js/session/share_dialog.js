/**
 * Sharing a session: making a link for somebody, and taking links back.
 */

import { ApiError } from "../api.js";
import { confirmDialog, openDialog } from "../ui/dialog.js";
import { button, element, iconButton } from "../ui/dom.js";
import { Shares, stateOfShare } from "./shares.js";

/** @typedef {import("./shares.js").Share} Share */

const HOUR = 3600;

/** @type {[string, number | null][]} */
const LIFETIMES = [["1 hour", HOUR], ["1 day", 24 * HOUR], ["1 week", 168 * HOUR], ["30 days", 720 * HOUR], ["Never", null]];

/** @type {[string, number | null][]} */
const USES = [["Any number", null], ["Once", 1], ["5 times", 5], ["20 times", 20]];

const ROLES = Object.freeze({ watcher: "may watch", writer: "may type", owner: "owns it" });

/**
 * Shows the dialog until it is closed.
 * @param {{ sessionID: string }} context
 */
export async function openShareDialog({ sessionID }) {
  const dialog = new ShareDialog(new Shares(sessionID));
  void dialog.refresh();
  await openDialog({ title: `Share ${sessionID}`, body: [dialog.element], className: "share-dialog" });
}

class ShareDialog {
  #shares;
  #role = choice("Role", [["May watch", "watcher"], ["May type", "writer"]], "watcher");
  #lifetime = choice("Expires after", LIFETIMES, 24 * HOUR);
  #uses = choice("Can be used", USES, null);
  #name = element("input", { attributes: { maxlength: "64", value: "guest", autocomplete: "off" } });
  #create = button("Create link", () => void this.#make(), "primary");
  #complaint = element("p", { className: "share-complaint", attributes: { role: "alert" } });
  #link = element("input", { attributes: { readonly: true, "aria-label": "The link" } });
  #copy = button("Copy", () => void this.#copied(), "primary");
  #code = element("div", { className: "share-code" });
  #made;
  #list = element("ul");
  #links = element("section", { className: "share-links" }, element("h3", { text: "Links" }), this.#list);

  /** @param {Shares} shares */
  constructor(shares) {
    this.#shares = shares;
    const named = element("label", { className: "field" }, element("span", { text: "Called" }), this.#name);
    this.#made = element(
      "div",
      { className: "share-made", attributes: { role: "status" } },
      element(
        "div",
        { className: "share-words" },
        element("p", { text: "Whoever opens this link is let in. It is shown this once: copy it now." }),
        element("div", { className: "share-link" }, this.#link, this.#copy),
      ),
      this.#code,
    );
    this.#made.hidden = this.#links.hidden = true;
    const fields = [this.#role.field, this.#lifetime.field, this.#uses.field, named];
    this.element = element(
      "div",
      { className: "share" },
      element("div", { className: "share-fields" }, ...fields),
      element("div", { className: "dialog-actions" }, this.#create),
      this.#complaint,
      this.#made,
      this.#links,
    );
    this.#link.addEventListener("focus", () => this.#link.select());
    this.element.addEventListener("keydown", (event) => {
      // Enter would close the dialog, which is a form.
      if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      if (event.target === this.#name) void this.#make();
    });
  }

  async #make() {
    this.#create.disabled = true;
    await this.#attempt(async () => {
      const [role, expiresIn, maxUses] = [this.#role.value(), this.#lifetime.value(), this.#uses.value()];
      const name = this.#name.value.trim() || "guest";
      const link = await this.#shares.create({ role, expiresIn, maxUses, name });
      const { qrImage } = await import("../qr.js");
      this.#link.value = link;
      this.#code.replaceChildren(qrImage(link, "QR code of the link"));
      this.#copy.textContent = "Copy";
      this.#made.hidden = false;
      this.#copy.focus();
      await this.refresh();
    });
    this.#create.disabled = false;
  }

  async #copied() {
    try {
      await navigator.clipboard.writeText(this.#link.value);
      this.#copy.textContent = "Copied";
    } catch {
      this.#link.focus(); // which selects it, to be copied by hand
    }
  }

  /** Shows the links that there are. */
  async refresh() {
    await this.#attempt(async () => {
      const shares = await this.#shares.list();
      this.#links.hidden = shares.length === 0;
      this.#list.replaceChildren(...shares.reverse().map((share) => this.#row(share)));
    });
  }

  /** @param {Share} share */
  #row(share) {
    const { text, isOver } = stateOfShare(share, Date.now());
    const row = element(
      "li",
      {},
      element(
        "span",
        { className: "person-words" },
        element("span", { className: "person-name", text: `${share.name}, ${ROLES[share.role]}` }),
        element("span", { className: "person-state", text }),
      ),
      iconButton("trash", `Revoke the link for ${share.name}`, () => void this.#revoke(share, isOver)),
    );
    row.toggleAttribute("data-over", isOver);
    return row;
  }

  /** @param {Share} share @param {boolean} isOver */
  async #revoke({ id, name }, isOver) {
    const what = `Whoever came by the link for ${name} is out at once, and nobody comes by it again.`;
    if (!isOver && !(await confirmDialog("Revoke this link?", what, { text: "Revoke", className: "danger" }))) return;
    await this.#attempt(async () => {
      await this.#shares.revoke(id);
      await this.refresh();
    });
  }

  /** @param {() => Promise<void>} work */
  async #attempt(work) {
    try {
      this.#complaint.textContent = "";
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#complaint.textContent = error.message;
    }
  }
}

/**
 * @template {string | number | null} Value
 * @param {string} label
 * @param {[string, Value][]} options
 * @param {Value} chosen
 */
function choice(label, options, chosen) {
  const select = element("select");
  for (const [text, value] of options) {
    const option = element("option", { text });
    option.selected = value === chosen;
    select.append(option);
  }
  const field = element("label", { className: "field" }, element("span", { text: label }), select);
  const value = () => /** @type {[string, Value]} */ (options[select.selectedIndex])[1];
  return { field, value };
}
