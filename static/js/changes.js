// Dispatches "changed" on every element with data-changes: once at first, because something may have changed since the
// page was rendered, then after each change. While the server cannot tell, "changes-lost", and "changed" afterwards.
(() => {
  const POLL_MS = 500; // events take about a second to be stored and must appear within two
  const RETRY_MS = 5000;
  // By topic, not by element: a part of the page that replaces itself would otherwise be told at first, again and again.
  const seen = new Map();
  const tell = (element, name) => element.dispatchEvent(new Event(name));

  const watch = (element) => {
    // The topic stands before the token's time and signature.
    const topic = element.dataset.changes.split(":")[0];

    const poll = async () => {
      const answer = await fetch(element.dataset.changes, { redirect: "error" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const latest = await answer.text();
      // Empty: this process of the server has seen no change yet. Another one may have.
      if (seen.has(topic) && (latest === "" || latest === seen.get(topic))) return;
      seen.set(topic, latest);
      tell(element, "changed");
    };

    const tick = async () => {
      if (!element.isConnected) return;
      let wait = POLL_MS;
      // Hidden tabs do not poll: twenty open tabs would keep the server busy for nobody.
      if (!document.hidden) {
        try {
          await poll();
        } catch {
          seen.delete(topic);
          tell(element, "changes-lost");
          wait = RETRY_MS;
        }
      }
      // Not setInterval: requests to a slow server would pile up.
      setTimeout(tick, wait);
    };

    tick();
  };

  const watchAll = (root) => {
    if (root.matches?.("[data-changes]")) watch(root);
    for (const element of root.querySelectorAll("[data-changes]")) watch(element);
  };

  document.addEventListener("htmx:load", (event) => watchAll(event.target));
})();
