// Small things on every page. All behaviour hangs on data- attributes; nothing here is needed to read a page.
(() => {
  const copied = (button, words) => {
    const label = button.querySelector("[data-label]");
    if (!label) return;
    const before = label.textContent;
    label.textContent = words;
    setTimeout(() => { label.textContent = before; }, 1600);
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      copied(button, "Copied");
    } catch {
      // Without HTTPS browsers forbid the clipboard: leave the text selected, ready for Ctrl-C.
      getSelection().selectAllChildren(source);
      copied(button, "Selected: press Ctrl-C");
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });

  // On a phone the current tab may lie beyond the edge of its bar.
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // A form that is only choices is sent as soon as one changes.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form && event.target.checkValidity()) form.requestSubmit();
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });

  // The panel of people behind a figure: closed by its button, by Escape, and by a click beside it.
  let figure = null;
  const closePanel = () => {
    const panel = document.querySelector("[data-panel]");
    if (!panel?.firstElementChild) return;
    panel.replaceChildren();
    figure?.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[hx-target='[data-panel]']");
    if (opener) figure = opener;
    else if (!event.target.closest(".panel") || event.target.closest("[data-close-panel]")) closePanel();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && closePanel());

  // Whoever works with the keyboard goes on inside the panel, and after it where they were.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.closest("[data-panel]")) event.target.querySelector("[data-close-panel]")?.focus();
  });
})();
