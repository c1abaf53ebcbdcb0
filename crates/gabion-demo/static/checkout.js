// Shows the card's fields only to who pays by card, and groups the digits of its number.
(() => {
  const fields = document.getElementById("card-fields");
  const choices = document.querySelectorAll("input[name=payment]");
  const show = () => {
    fields.hidden = !document.getElementById("pay-card").checked;
  };
  choices.forEach((choice) => choice.addEventListener("change", show));
  show();
  const number = document.getElementById("f-card");
  number.addEventListener("input", () => {
    const digits = number.value.replace(/\D/g, "").slice(0, 16);
    number.value = digits.replace(/(\d{4})(?=\d)/g, "$1 ");
  });
})();
