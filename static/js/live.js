// Updates a person's page when changes.js says so. Replaces only the entries that changed: replacing the whole timeline
// would flicker, close open sessions and move the scroll position.
(() => {
  const RETRY_MS = 5000;
  const badge = document.querySelector("[data-live]");
  const label = badge?.querySelector("[data-live-label]");
  if (!badge) return;

  let seen = "";
  let retry = 0;

  const showStatus = (words, paused) => {
    if (label.textContent !== words) label.textContent = words;
    badge.classList.toggle("paused", paused);
  };

  const keepOpen = (from, to) => {
    const before = from.querySelector("details");
    const after = to.querySelector("details");
    if (before && after) after.open = before.open;
  };

  const highlight = (element) => {
    element.classList.add("arrived");
    element.addEventListener("animationend", () => element.classList.remove("arrived"), { once: true });
  };

  // A session is merged event by event, so that it stays open. Other entries are replaced.
  const update = (old, fresh) => {
    if (old.textContent === fresh.textContent) return;
    const inner = old.querySelector(":scope > details > .inner");
    const freshInner = fresh.querySelector(":scope > details > .inner");
    if (!inner || !freshInner) {
      keepOpen(old, fresh);
      old.replaceWith(fresh);
      return;
    }
    const summary = old.querySelector("summary");
    summary.replaceChildren(...fresh.querySelector("summary").childNodes);
    merge(inner, freshInner);
  };

  const merge = (list, freshList) => {
    let place = list.firstElementChild;
    // A copy: inserting a node removes it from the live list, and the loop would skip every second one.
    for (const fresh of [...freshList.children]) {
      const old = fresh.id && document.getElementById(fresh.id);
      if (old && old.parentElement === list) {
        place = old.nextElementSibling;
        update(old, fresh);
      } else {
        list.insertBefore(fresh, place);
        highlight(fresh);
      }
    }
  };

  const apply = (html) => {
    const news = new DOMParser().parseFromString(html, "text/html").getElementById("news");
    if (!news) return;
    const first = seen === "";
    seen = news.dataset.token;
    merge(document.getElementById("timeline"), news.querySelector("ol"));
    document.getElementById("facts").replaceChildren(...news.querySelector("aside").childNodes);
    if (!first) document.title = document.title.replace(/^(• )?/, document.hidden ? "• " : "");
  };

  const fetchNews = async () => {
    const answer = await fetch(`${badge.dataset.live}?seen=${encodeURIComponent(seen)}`, {
      redirect: "error", // after signing out, the sign-in page would be taken for an update
    });
    if (answer.status === 200) apply(await answer.text());
    else if (answer.status !== 204) throw new Error(`status ${answer.status}`);
  };

  const refresh = async () => {
    clearTimeout(retry);
    try {
      await fetchNews();
      showStatus("Live", false);
    } catch {
      showStatus("Disconnected", true);
      retry = setTimeout(refresh, RETRY_MS);
    }
  };

  seen = badge.dataset.token ?? "";
  badge.addEventListener("changed", refresh);
  badge.addEventListener("changes-lost", () => showStatus("Disconnected", true));
})();
