// The few things that a page can't do without a script. Everything else is links and forms.

for (const button of document.querySelectorAll("[data-opens]")) {
  button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());
}

for (const button of document.querySelectorAll("[data-closes]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  const filter = document.querySelector("[data-filter]");
  if (event.key !== "/" || !filter || isTyping(event.target) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  filter.select();
});
