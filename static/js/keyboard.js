// Keyboard shortcuts: g and a letter, j, k, / and ?. Ignored while typing and with Ctrl, Alt or Meta.
(() => {
  const CHORD_MS = 1200; // the longest time between g and its second key
  let chord = 0;

  const typing = (target) => target.closest("input, textarea, select, [contenteditable=true]");
  const visible = (element) => element.offsetParent !== null;
  const rows = () => [...document.querySelectorAll("[data-row]")].filter(visible);

  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const now = all.indexOf(document.activeElement);
    const next = now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + by));
    all[next].focus();
    all[next].scrollIntoView({ block: "nearest" });
  };

  // Escaped: the key is any character, and a quote would make the selector invalid.
  const go = (key) => document.querySelector(`[data-go="${CSS.escape(key)}"]`)?.click();
  const help = () => document.getElementById("help").showModal();
  const search = () => document.querySelector("input[type=search]")?.focus();

  const KEYS = { j: () => step(1), k: () => step(-1), "/": search, "?": help, g: () => { chord = Date.now(); } };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const chorded = Date.now() - chord < CHORD_MS;
    chord = 0;
    const act = chorded ? () => go(event.key) : KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-help]")) help();
  });
})();
