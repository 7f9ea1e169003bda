import type { Client } from "./client";

// A title is often set, and a redirect often follows, right after the address has changed.
const SETTLED = 50; // milliseconds

/** Hash routers keep their path behind #/ or #!/. Other fragments are places on one page. */
const path = (): string => location.pathname + (/^#!?\//.test(location.hash) ? location.hash : "");

/** Call `viewed` when a single-page application shows another page. */
export function followViews(client: Client, viewed: () => void): void {
  let seen = path();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settle = (): void => {
    if (!timer) return;
    clearTimeout(timer);
    timer = undefined;
    if (seen === path()) return;
    seen = path();
    viewed();
  };
  const changed = (): void => {
    timer ??= setTimeout(() => client.guard(settle), SETTLED);
  };
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (...given) {
      original.apply(this, given);
      changed();
    };
  }
  client.listen(window, "popstate", changed);
  client.listen(window, "hashchange", changed);
  // Back and forward may show a page as it was left, without loading it.
  client.listen(window, "pageshow", (event: PageTransitionEvent) => event.persisted && viewed());
  client.beforeLeaving(settle);
}
