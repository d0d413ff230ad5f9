/* drawers.js -- the columns that a narrow screen has no room for slide in over the conversation.
 *
 * While one is open the rest of the page is inert: neither the focus nor a screen reader leaves it.
 * Escape, the shade and a choice close it, and the focus goes back to the button. */

export class Drawers {
    #open = null; // { panel, button }
    #shade;
    #rest;

    constructor(shade, rest) {
        this.#shade = shade;
        this.#rest = rest;
        shade.addEventListener("click", () => this.close());
    }

    add(button, panel) {
        button.addEventListener("click", () => {
            const was = this.#open;
            this.close();
            if (was?.panel !== panel)
                this.#show({ button, panel });
        });
    }

    get open() {
        return this.#open !== null;
    }

    #show(drawer) {
        this.#open = drawer;
        drawer.panel.classList.add("open");
        drawer.button.setAttribute("aria-expanded", "true");
        this.#shade.hidden = false;
        for (const other of this.#rest)
            other.inert = other !== drawer.panel;
        (drawer.panel.querySelector("button, input") ?? drawer.panel).focus();
    }

    close() {
        const drawer = this.#open;

        if (drawer === null)
            return false;
        this.#open = null;
        drawer.panel.classList.remove("open");
        drawer.button.setAttribute("aria-expanded", "false");
        this.#shade.hidden = true;
        for (const other of this.#rest)
            other.inert = false;
        drawer.button.focus();
        return true;
    }
}
