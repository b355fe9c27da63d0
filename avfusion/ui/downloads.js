// Buttons in a list of engines: which engine, and whether to download it or to stop.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-does]");
  if (button) trigger("ask", { engine: button.dataset.engine, does: button.dataset.does });
});
