// Copy buttons: <code id="link">...</code> <button type="button" data-copy="link">Copy</button>
// The style sheet hides them without scripts; the text itself can always be selected.
"use strict";

const SHOWN_MS = 2000;

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    return "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    return "Press Ctrl+C";
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  const source = button && document.getElementById(button.dataset.copy);
  if (!source || button.dataset.label) return;
  button.dataset.label = button.textContent;
  button.textContent = await copy(source);
  setTimeout(() => {
    button.textContent = button.dataset.label;
    delete button.dataset.label;
  }, SHOWN_MS);
});
