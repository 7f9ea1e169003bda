import type { PressedElement } from "../elements";
import type { Core } from "../parts";

const PATIENCE = 2500; // milliseconds
const RECENT = 100; // milliseconds
const SIGNS = [
  "scroll", "selectionchange", "focusin", "focusout", "blur", "toggle", "input", "change", "submit", "copy", "play",
  "pause", "visibilitychange", "pagehide", "popstate", "hashchange",
];
const EVERYTHING = { subtree: true, childList: true, attributes: true, characterData: true };

/** Whether pressing it does something that no script can see, or that happens elsewhere. */
function actsUnseen(element: Element): boolean {
  const link = element.closest("a[href]");
  return (link && !link.getAttribute("href")!.startsWith("#")) || element.getRootNode() !== document;
}

/** Report a click after which nothing happened: no change of the document, no scrolling, no request. */
export function watchDeadClicks(core: Core): (event: Event, element: Element, described: PressedElement) => void {
  let stop = (): void => {};
  return (event, element, described) => {
    stop();
    // What a click before this part was loaded has changed can no longer be seen.
    if (performance.now() - event.timeStamp > RECENT || actsUnseen(element)) return;
    const changes = new MutationObserver(() => stop());
    const requests = new PerformanceObserver((list) => {
      // Our own request with this very click is no sign.
      if (list.getEntries().some(({ name }) => !name.startsWith(core.host))) stop();
    });
    const listening = new AbortController();
    const timer = setTimeout(() => {
      stop();
      core.observe("$dead_click", { ...described });
    }, PATIENCE);
    stop = () => {
      clearTimeout(timer);
      changes.disconnect();
      requests.disconnect();
      listening.abort();
    };
    changes.observe(document, EVERYTHING);
    requests.observe({ type: "resource" });
    for (const type of SIGNS) addEventListener(type, () => stop(), { capture: true, signal: listening.signal });
  };
}
