// Two-step confirmation: <form data-confirm="Drain shop-1?"> asks once more before it is sent.
// The first press turns the button into the question; Escape, leaving it or waiting takes it back.
"use strict";

const ASK_MS = 8000;
// A double click is one wish, not two.
const SETTLE_MS = 500;

function ask(form, button) {
  const label = button.textContent;
  const back = () => {
    clearTimeout(timer);
    clearTimeout(settled);
    delete form.dataset.asked;
    button.textContent = label;
    button.removeEventListener("blur", back);
    button.removeEventListener("keydown", escape);
  };
  const escape = (event) => {
    if (event.key === "Escape") back();
  };
  const timer = setTimeout(back, ASK_MS);
  const settled = setTimeout(() => (form.dataset.asked = "yes"), SETTLE_MS);
  form.dataset.asked = "settling";
  button.textContent = form.dataset.confirm;
  button.addEventListener("blur", back);
  button.addEventListener("keydown", escape);
  button.focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.confirm || form.dataset.asked === "yes") return;
  event.preventDefault();
  if (form.dataset.asked === "settling") return;
  const button = event.submitter ?? form.querySelector("button:not([type=button])");
  if (button) ask(form, button);
});
