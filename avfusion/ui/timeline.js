// A press on the timeline, or a drag along it, moves the scrubber; so do keys, which ask by an event of their own.
const scrubber = () => document.querySelector(`#${props.tab}-scrub input[type=range]`);

function go(frame) {
  const slider = scrubber();
  if (!slider || slider.disabled) return;
  const wanted = Math.min(Math.max(frame, Number(slider.min)), Number(slider.max));
  if (wanted === Number(slider.value)) return;
  slider.value = wanted;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}

function pointed(event) {
  const strip = element.querySelector(".strip");
  if (!strip) return;
  const box = strip.getBoundingClientRect();
  go(Math.floor(((event.clientX - box.left) / box.width) * Number(strip.dataset.frames)));
}

element.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.target.closest(".strip")) return;
  element.setPointerCapture(event.pointerId);
  pointed(event);
});
element.addEventListener("pointermove", (event) => {
  if (element.hasPointerCapture(event.pointerId)) pointed(event);
});
document.addEventListener("avfusion-step", ({ detail }) => {
  if (detail.tab === props.tab) go(Number(scrubber()?.value) + detail.count);
});
