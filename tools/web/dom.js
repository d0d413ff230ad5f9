/* dom.js -- making elements. Strings become text nodes: nothing here, or anywhere in the page, takes
 * markup. */

export function el(name, properties = {}, ...children) {
    const element = document.createElement(name);

    for (const [key, value] of Object.entries(properties)) {
        if (value === undefined || value === null || value === false)
            continue;
        if (key === "class")
            element.className = value;
        else if (key.startsWith("on"))
            element.addEventListener(key.slice(2), value);
        else
            element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    return element;
}

/* Makes the children of `list` those of `items`, in order. One whose key stays keeps its element, so
 * that a click that has begun on it, or the focus, is not lost when others come and go. make(item)
 * gives an element; update(element, item) is called for each, every time. */
export function reconcile(list, items, key, make, update) {
    const before = new Map([...list.children].map((element) => [element.dataset.key, element]));
    let next = list.firstElementChild;

    for (const item of items) {
        const name = key(item);
        let element = before.get(name);
        before.delete(name);
        if (element === undefined) {
            element = make(item);
            element.dataset.key = name;
        }
        update(element, item);
        if (element === next)
            next = next.nextElementSibling;
        else
            list.insertBefore(element, next);
    }
    for (const element of before.values())
        element.remove();
}

export const $ = (id) => document.getElementById(id);
