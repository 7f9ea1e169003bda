// Copy buttons, forms and the side panel. Bound to data- attributes; pages are readable without this script.
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
      // Browsers block the clipboard without HTTPS: select the text for Ctrl-C instead.
      getSelection().selectAllChildren(source);
      copied(button, "Selected: press Ctrl-C");
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });

  // On a phone the current tab may be outside the visible part of the tab bar.
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // Filter forms have no button: submit on change. Skip half-typed dates, which are invalid.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form && event.target.checkValidity()) form.requestSubmit();
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });

  // The side panel closes by its button, by Escape and by a click outside. Focus returns to the figure.
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

  // Move focus into the panel, or keyboard users would have to tab through the whole page to reach it.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.closest("[data-panel]")) event.target.querySelector("[data-close-panel]")?.focus();
  });
})();
