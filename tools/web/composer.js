/* composer.js -- the field in which one writes: it grows with its text, and Enter sends.
 *
 * A method of input that composes characters (for Japanese, say) uses Enter itself; then it sends
 * nothing. */

const NOTE_FROM = 0.8; // of the longest body: from here on its length is shown

function bytes_of(text) {
    return new TextEncoder().encode(text).length;
}

export class Composer {
    onsend = () => true; // (text): whether it was taken; if not it stays
    onscroll = () => {}; // (pages): Page Up and Page Down belong to the log
    bytes_max = Infinity;
    #field;
    #note;

    constructor(form, field, note) {
        this.#field = field;
        this.#note = note;
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#send();
        });
        field.addEventListener("keydown", (event) => this.#key(event));
        field.addEventListener("input", () => this.#grow());
    }

    get text() {
        return this.#field.value;
    }

    set text(text) {
        this.#field.value = text;
        this.#grow();
    }

    focus() {
        this.#field.focus({ preventScroll: true });
    }

    describe(title) {
        this.#field.placeholder = title;
        this.#field.setAttribute("aria-label", title);
        this.#grow();
    }

    note(text) {
        this.#note.textContent = text;
    }

    #key(event) {
        if (event.isComposing || event.keyCode === 229)
            return;
        if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.ctrlKey) {
            event.preventDefault();
            this.#send();
        } else if (event.key === "PageUp" || event.key === "PageDown") {
            event.preventDefault();
            this.onscroll(event.key === "PageUp" ? -1 : 1);
        }
    }

    #send() {
        const text = this.#field.value;

        if (text.trim() !== "" && bytes_of(text) <= this.bytes_max && this.onsend(text))
            this.text = "";
        this.focus();
    }

    #grow() {
        const field = this.#field, hint = field.placeholder, bytes = bytes_of(field.value);

        field.placeholder = ""; // a long one would be counted
        field.style.height = "auto";
        field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
        field.placeholder = hint;
        this.#note.classList.toggle("error", bytes > this.bytes_max);
        this.note(bytes > this.bytes_max ? `${(bytes - this.bytes_max).toLocaleString()} bytes too long`
            : bytes > NOTE_FROM * this.bytes_max ? `${(this.bytes_max - bytes).toLocaleString()} bytes left` : "");
    }
}
