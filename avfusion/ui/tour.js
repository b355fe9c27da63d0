// The tour of three steps. Each `.text` names a tab and a place in it, which is outlined while the step is shown. The
// browser remembers whoever has ended it or does not want it.
const KEY = "avfusion-tour";
const find = (what) => element.querySelector(what);
const button = (does) => find(`.tour [data-tour="${does}"]`);
let at = -1;

function remembers() {
  try { return localStorage.getItem(KEY) !== null; } catch { return false; } // a browser that keeps nothing
}

function remember() {
  try { localStorage.setItem(KEY, "seen"); } catch { /* then it is asked again */ }
}

function point(place) {
  for (const other of document.querySelectorAll(".toured")) other.classList.remove("toured");
  const card = place && (place.closest(".card") ?? place);
  card?.classList.add("toured");
  const motion = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  card?.scrollIntoView({ behavior: motion, block: "start" });
}

function show(next) {
  const steps = [...element.querySelectorAll(".text")];
  at = next;
  find(".invitation").hidden = true;
  find(".tour").hidden = false;
  steps.forEach((step, number) => { step.hidden = number !== at; });
  button("back").disabled = at === 0;
  button("next").hidden = at === steps.length - 1;
  const { tab, at: place } = steps[at].dataset;
  document.querySelector(`#${tab}-tab-button`)?.click();
  setTimeout(() => { if (at === next) point(document.querySelector(place)); }, 150); // when the tab is drawn
  (button("next").hidden ? button("end") : button("next")).focus({ preventScroll: true });
}

function end() {
  const was = at;
  at = -1;
  remember();
  find(".invitation").hidden = find(".tour").hidden = true;
  point(null);
  if (was >= 0) document.querySelector("#tour-open")?.focus();
}

element.addEventListener("click", (event) => {
  const does = event.target.closest("[data-tour]")?.dataset.tour;
  if (does === "start") show(0);
  else if (does === "end") end();
  else if (does) show(at + (does === "next" ? 1 : -1));
});
document.addEventListener("click", (event) => { if (event.target.closest("#tour-open") && find(".tour")) show(0); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && at >= 0) end(); });

// The texts come a moment after the page.
const invite = () => { if (find(".invitation")) find(".invitation").hidden = remembers(); };
watch("value", () => setTimeout(invite, 0));
invite();
