import type { PressedElement } from "../elements";
import type { Core } from "../parts";

const PATIENCE = 2500; // milliseconds
const SIGNS = [
  "scroll", "selectionchange", "focusin", "focusout", "blur", "toggle", "input", "change", "submit", "copy", "play",
  "pause", "visibilitychange", "pagehide", "popstate", "hashchange",
];

/** Whether pressing it does something that no script can see, or that happens elsewhere. */
function actsUnseen(element: Element): boolean {
  const link = element.closest("a[href]");
  return (link && !link.getAttribute("href")!.startsWith("#")) || element.getRootNode() !== document;
}

/** Report a click after which nothing happened: no change of the document, no scrolling, no request. */
export function watchDeadClicks(core: Core): (element: Element, described: PressedElement) => void {
  let pending: ReturnType<typeof setTimeout> | undefined;
  let stop = (): void => {};
  return (element, described) => {
    stop();
    if (described.$event_type !== "click" || actsUnseen(element)) return;
    const requests = performance.getEntriesByType("resource").length;
    const observer = new MutationObserver(() => stop());
    const listening = new AbortController();
    stop = () => {
      clearTimeout(pending);
      observer.disconnect();
      listening.abort();
    };
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    for (const type of SIGNS) addEventListener(type, () => stop(), { capture: true, signal: listening.signal });
    pending = setTimeout(() => {
      stop();
      if (performance.getEntriesByType("resource").length === requests) core.observe("$dead_click", { ...described });
    }, PATIENCE);
  };
}
