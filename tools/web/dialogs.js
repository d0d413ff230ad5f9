/* dialogs.js -- to join a room, to change one's name, and help: what is needed now and then.
 *
 * They are modal <dialog>s: the browser keeps the focus in them, Escape closes them, and then the
 * focus is back where it was, which is at writing. */
import { COMMANDS } from "./commands.js";
import { $, el } from "./dom.js";
import { plural, sentence } from "./words.js";

const refusal_text = (error) => sentence(error.code, error.message);

export class Dialogs {
    #before;
    #rooms;

    /* before(): what is to be done before one opens; the focus must be in the page then.
     * join(name), rename(name), rooms(): promises, as in uproar.js. */
    constructor({ before, join, rename, rooms }) {
        this.#before = before;
        this.#rooms = rooms;
        this.#form("room", () => join($("room-name").value.trim().replace(/^#(?=.)/u, "")));
        this.#form("name", () => rename($("new-name").value.trim()));
        this.#form("help", async () => {});
        $("help-commands").append(...COMMANDS.map(([usage, what]) =>
            el("div", {}, el("dt", {}, el("code", {}, usage)), el("dd", {}, what))));
    }

    help() {
        this.#open("help");
    }

    name(current) {
        $("new-name").value = current;
        this.#open("name");
        $("new-name").select();
    }

    async room() {
        $("room-name").value = "";
        $("room-count").textContent = "";
        $("room-list").replaceChildren();
        this.#open("room");
        $("room-name").focus();
        try {
            const { total, rooms } = await this.#rooms();
            rooms.sort((a, b) => b.members - a.members || a.name.localeCompare(b.name));
            $("room-count").textContent = rooms.length < total ? `${rooms.length} of ${plural(total, "room")}` : "";
            $("room-list").replaceChildren(...rooms.map((room) => this.#room_item(room)));
        } catch (error) {
            $("room-count").textContent = refusal_text(error);
        }
    }

    #room_item({ name, members }) {
        const choose = () => {
            $("room-name").value = name;
            $("room-form").requestSubmit();
        };
        return el("li", {}, el("button", { type: "button", onclick: choose },
            el("span", { class: "label", dir: "auto" }, `#${name}`),
            el("span", { class: "people" }, plural(members, "member"))));
    }

    #open(which) {
        this.#before();
        $(`${which}-error`).textContent = "";
        $(`${which}-dialog`).showModal();
    }

    #form(which, submit) {
        const dialog = $(`${which}-dialog`);

        dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
        dialog.addEventListener("click", (event) => {
            if (event.target === dialog) // its backdrop
                dialog.close();
        });
        $(`${which}-form`).addEventListener("submit", async (event) => {
            event.preventDefault();
            $(`${which}-error`).textContent = "";
            try {
                await submit();
                dialog.close();
            } catch (error) {
                $(`${which}-error`).textContent = refusal_text(error);
            }
        });
    }
}
