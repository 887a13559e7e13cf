// What the page needs of the document. Strings become text nodes or attributes
// and are never read as markup.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * A new element. Attributes that are null or false are left out; children are
 * elements or strings, and null is none.
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * Makes nodes the children of parent, in this order. What stands in its place
 * already is not touched, so that focus, selection and scrolling survive.
 */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  const focused = document.activeElement;
  const skip = (at) => {
    while (at && !wanted.has(at)) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    return at;
  };
  let at = skip(parent.firstChild);
  for (const node of nodes) {
    if (node === at) at = skip(at.nextSibling);
    else parent.insertBefore(node, at);
  }
  // A node that was moved has lost the focus.
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus();
}

/** Sets an element's text, touching the document only where it differs. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Whether there is room for one pane only; as in the style sheet. */
export const narrow = matchMedia("(max-width: 700px)");

/** Whether the user points with a finger: then a keyboard would cover the screen. */
export const touch = matchMedia("(pointer: coarse)");

/**
 * Whether a key went to an input method. Safari ends the composition before it reports
 * the key that ended it; there only the key's code, 229, tells.
 */
export const composed = ({ isComposing, keyCode }) => isComposing || keyCode === 229;
