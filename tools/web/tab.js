/* tab.js -- what this tab keeps over a reload: who it is on the server.
 *
 * In sessionStorage, so that each tab is somebody of its own, and nothing outlives it. A browser that
 * duplicates a tab copies this too; the copy takes the session over, and the first tab is told so
 * and lets go. */

const KEY = "uproar.session";

/* null: nobody yet. */
export function load() {
    try {
        const saved = JSON.parse(sessionStorage.getItem(KEY));
        return typeof saved?.name === "string" && Array.isArray(saved.rooms) ? saved : null;
    } catch {
        return null;
    }
}

export function store(saved) {
    try {
        sessionStorage.setItem(KEY, JSON.stringify(saved));
    } catch {
        // Storage is off or full: a reload begins anew, and nothing else is lost.
    }
}

export function forget() {
    try {
        sessionStorage.removeItem(KEY);
    } catch {
        // as above
    }
}
