// Keeps a person's page fresh. Only what changed is touched, entry by entry, so that nothing flickers, whatever
// is folded open stays open, and the place where somebody reads stays where it is.
(() => {
  const EVERY = 500; // milliseconds: an event is stored within about a second of its request, two is the promise
  const AFTER_FAILURE = 5000;
  const badge = document.querySelector("[data-live]");
  const label = badge?.querySelector("[data-live-label]");
  if (!badge) return;

  let seen = "";

  const say = (words, paused) => {
    if (label.textContent !== words) label.textContent = words;
    badge.classList.toggle("paused", paused);
  };

  const keepOpen = (from, to) => {
    const before = from.querySelector("details");
    const after = to.querySelector("details");
    if (before && after) after.open = before.open;
  };

  const mark = (element) => {
    element.classList.add("arrived");
    element.addEventListener("animationend", () => element.classList.remove("arrived"), { once: true });
  };

  // The events inside a session merge like the sessions themselves; other entries change as a whole.
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
    for (const fresh of [...freshList.children]) {
      const old = fresh.id && document.getElementById(fresh.id);
      if (old && old.parentElement === list) {
        place = old.nextElementSibling;
        update(old, fresh);
      } else {
        list.insertBefore(fresh, place);
        mark(fresh);
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

  const ask = async () => {
    const answer = await fetch(`${badge.dataset.live}?seen=${encodeURIComponent(seen)}`, { redirect: "error" });
    if (answer.status === 200) apply(await answer.text());
    else if (answer.status !== 204) throw new Error(`status ${answer.status}`);
  };

  const tick = async () => {
    let wait = EVERY;
    if (!document.hidden) {
      try {
        await ask();
        say("live", false);
      } catch {
        say("not connected", true);
        wait = AFTER_FAILURE;
      }
    }
    setTimeout(tick, wait);
  };

  seen = badge.dataset.token ?? "";
  tick();
})();
