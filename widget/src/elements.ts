/** What is recorded about an element. Never what somebody typed or chose, and only the words of the interface. */

import { masked } from "./masks";

const MOST_TEXT = 120;
const MOST_STEPS = 6;
// Ids with digits or colons are usually made up anew on each page (React's useId, CSS modules).
const LASTING_ID = /^[a-z][a-z_-]*\d{0,2}$/i;
const INTERFACE =
  "a[href],button,summary,[role=button],[role=link],[role=tab],[role=menuitem],[type=submit],[type=button],[type=image],[type=reset]";
const MASKED = "[data-fh-mask],[data-fh-ignore]";
const FIELDS = "input,select,textarea,option,label";

/** The properties of `$autocapture`. */
export interface PressedElement {
  $event_type: string;
  $el_selector: string;
  $el_text?: string;
  $el_label?: string;
  $el_href?: string;
}

/** A short CSS selector, which begins at the nearest element with a lasting id. */
export function selectorOf(element: Element): string {
  const steps: string[] = [];
  for (let each: Element | null = element; each && steps.length < MOST_STEPS; each = parentOf(each)) {
    if (LASTING_ID.test(each.id)) {
      steps.unshift(`#${each.id}`);
      break;
    }
    const alike = [...(each.parentElement?.children ?? [])].filter((sibling) => sibling.localName === each.localName);
    steps.unshift(each.localName + (alike.length > 1 ? `:nth-of-type(${alike.indexOf(each) + 1})` : ""));
    if (each === document.body) break;
  }
  return steps.join(" > ");
}

function parentOf(element: Element): Element | null {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}

/** Readable text without e-mail addresses and card numbers. */
export const clean = (text: string | null | undefined): string =>
  masked((text ?? "").replace(/\s+/g, " ").trim()).slice(0, MOST_TEXT);

/** Whether the nearest attribute around an element is `data-fh-show`; undefined without any. */
function isShown(element: Element): boolean | undefined {
  return element.closest(`${MASKED},[data-fh-show]`)?.matches(`:not(${MASKED})`);
}

/** The element that a person means by a click or by submitting a form; null if it says nothing. */
export function meantBy(event: Event): Element | null {
  const path = event.composedPath();
  if (path.some((each) => each instanceof Element && each.hasAttribute("data-fh-ignore"))) return null;
  const target = path[0];
  if (!(target instanceof Element)) return null;
  if (event.type === "submit") return target;
  if ((target as HTMLElement).isContentEditable) return null;
  const pressed = target.closest(INTERFACE);
  // Which radio button or option was pressed is an answer.
  if (pressed || target.closest(FIELDS)) return pressed;
  let outermost: Element | null = null;
  for (let each: Element | null = target; each && isPointedAt(each); each = each.parentElement) outermost = each;
  return outermost;
}

const isPointedAt = (element: Element): boolean => getComputedStyle(element).cursor === "pointer";

export function describe(event: Event, element: Element): PressedElement {
  const found: PressedElement = { $event_type: event.type, $el_selector: selectorOf(element) };
  if (isShown(element) === false) return found;
  const text = visibleText((event as SubmitEvent).submitter ?? element);
  const label = clean(element.getAttribute("aria-label"));
  if (text) found.$el_text = text;
  if (label) found.$el_label = label;
  // Without query and fragment, which are about a person more often than about the product.
  if (element instanceof HTMLAnchorElement) found.$el_href = clean(element.href.split(/[?#]/)[0]);
  return found;
}

function visibleText(element: Element): string {
  if (!(isShown(element) ?? element.matches(INTERFACE))) return "";
  // Its text would contain theirs.
  if (element.querySelector(`${MASKED},${FIELDS},[contenteditable]`)) return "";
  return clean(element instanceof HTMLInputElement ? element.value : (element as HTMLElement).innerText);
}
