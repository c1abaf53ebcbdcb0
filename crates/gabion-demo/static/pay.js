// Harbor Pay, a payment provider that is not real: says which cards it takes.
(() => {
  const origin = new URL(document.currentScript.src).origin;
  const note = document.getElementById("pay-note");
  fetch(origin + "/pay/methods.json")
    .then((answer) => answer.json())
    .then((methods) => {
      note.textContent = "Paid through " + methods.provider + ", which takes " + methods.takes.join(", ") + ".";
    })
    .catch(() => {
      note.textContent = "Harbor Pay does not answer.";
    });
})();
