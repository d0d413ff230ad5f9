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

export const $ = (id) => document.getElementById(id);
