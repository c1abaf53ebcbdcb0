// Two-step confirmation: <form data-confirm="Drain shop-1?"> asks once more before it is sent.
// The first press turns the button into the question; Escape, leaving it or waiting takes it back.
"use strict";

const ASK_MS = 8000;

function ask(form, button) {
  const label = button.textContent;
  const back = () => {
    clearTimeout(timer);
    delete form.dataset.asked;
    button.textContent = label;
    button.removeEventListener("blur", back);
    button.removeEventListener("keydown", escape);
  };
  const escape = (event) => {
    if (event.key === "Escape") back();
  };
  const timer = setTimeout(back, ASK_MS);
  form.dataset.asked = "yes";
  button.textContent = form.dataset.confirm;
  button.addEventListener("blur", back);
  button.addEventListener("keydown", escape);
  button.focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.confirm || form.dataset.asked) return;
  event.preventDefault();
  const button = event.submitter ?? form.querySelector("button:not([type=button])");
  if (button) ask(form, button);
});
