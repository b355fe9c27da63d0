// While files are on their way, the button that was pressed says so, and those that would start something wait: what they
// start would be made of the file before. Gradio sends files by `fetch`.
const WAITING = ["background", "inpaint", "voice", "sounding", "fusion", "compare"].map((tab) => `#${tab}-run`).join(", ");
const text = (which) => element.querySelector("span")?.dataset[which] ?? "";
let underWay = 0;
let pressed = null;

document.addEventListener("change", (event) => {
  if (!event.target.matches('input[type="file"]')) return;
  const beside = event.target.nextElementSibling ?? event.target.previousElementSibling;
  pressed = beside?.matches("button") ? beside : null;
}, true);

function mark(button, words) {
  if (words) button.dataset.waits = words;
  else delete button.dataset.waits;
  button.setAttribute("aria-busy", String(Boolean(words)));
}

function show() {
  const isBusy = underWay > 0;
  for (const button of document.querySelectorAll(WAITING)) mark(button, isBusy ? text("first") : "");
  if (pressed) mark(pressed, isBusy ? text("underWay") : "");
}

// Not while the file before it is still the one that counts.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("button[data-waits]")) return;
  event.stopImmediatePropagation();
  event.preventDefault();
}, true);

const send = window.fetch;
window.fetch = async (...request) => {
  const address = String(request[0]?.url ?? request[0]);
  if (!/\/upload(\?|$)/.test(address)) return send(...request);
  underWay += 1;
  show();
  try {
    return await send(...request);
  } finally {
    underWay -= 1;
    show();
  }
};
