// Copy buttons: <code id="link">...</code> <button type="button" data-copy="link" hidden>Copy</button>
// Hidden without scripts; the text itself can always be selected.
"use strict";

const SHOWN_MS = 2000;

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => (button.textContent = label), SHOWN_MS);
  });
}
