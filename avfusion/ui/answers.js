// Cards of answers: which engine's mask is taken, to which tab, and where on its picture (parts 0..1; null by button).
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-take]");
  const card = button?.closest("[data-engine]");
  if (!card) return;
  const picture = button.querySelector("img")?.getBoundingClientRect();
  // A press by the keyboard has no place.
  const at = picture && event.detail ? [event.clientX - picture.left, event.clientY - picture.top] : null;
  trigger("take", {
    engine: card.dataset.engine, frame: Number(card.dataset.frame), to: button.dataset.take,
    at: at && [at[0] / picture.width, at[1] / picture.height],
  });
});
