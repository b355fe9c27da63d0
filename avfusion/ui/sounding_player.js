// A clip with what sounds in it, on one clock with its timeline; perhaps a second one beside it, and then buttons say
// which is heard. Runs once, in the HTML component that holds players; each is a `.sounder` with one or two <video>.
const APART_S = 0.04; // more than this, and what lags is put right
const sounder = (inside) => inside.closest?.(".sounder");
const leader = (one) => one.querySelector("video");
const followers = (one) => [...one.querySelectorAll("video")].slice(1);
const length = (one) => leader(one).duration || Number(one.dataset.seconds);
const clock = (seconds) => {
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
};

function together(one, most) {
  for (const film of followers(one))
    if (Math.abs(film.currentTime - leader(one).currentTime) > most && !film.seeking)
      film.currentTime = leader(one).currentTime;
}

function show(one) {
  const now = leader(one).currentTime;
  one.querySelector(".time").textContent = `${clock(now)} / ${clock(length(one))}`;
  const seek = one.querySelector(".seek");
  if (seek !== document.activeElement || !seek.matches(":active")) seek.value = (10000 * now) / length(one);
  for (const cursor of one.querySelectorAll(".cursor"))
    cursor.style.left = `${Math.min(100, (100 * now) / Number(one.dataset.seconds))}%`;
  warm(one, now);
}

// The tile of the present step over the picture; the sheet is fetched when it is first wanted.
function warm(one, now) {
  const canvas = one.querySelector("canvas.heat");
  if (!canvas || canvas.hidden) return;
  if (!canvas.sheet) {
    canvas.sheet = new Image();
    canvas.sheet.addEventListener("load", () => { canvas.step = null; show(one); });
    canvas.sheet.src = canvas.dataset.sheet;
  }
  const { columns, steps, step } = canvas.dataset;
  const number = Math.min(Math.floor(now / Number(step) + 1e-6), Number(steps) - 1);
  if (!canvas.sheet.complete || canvas.step === number) return;
  canvas.step = number;
  const [width, height] = [canvas.width, canvas.height];
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  const [left, top] = [(number % columns) * width, Math.floor(number / columns) * height];
  pen.drawImage(canvas.sheet, left, top, width, height, 0, 0, width, height);
}

function goTo(one, seconds) {
  leader(one).currentTime = Math.min(Math.max(0, seconds), length(one));
  together(one, 0);
  show(one);
}

function pause(one) {
  for (const film of [leader(one), ...followers(one)]) film.pause();
}

function play(one) {
  for (const other of document.querySelectorAll(".sounder")) if (other !== one) pause(other);
  if (leader(one).currentTime >= length(one) - 0.02) goTo(one, 0);
  for (const film of [leader(one), ...followers(one)]) film.play().catch(() => {});
  requestAnimationFrame(function step() {
    show(one);
    if (!leader(one).paused && one.isConnected) requestAnimationFrame(step);
  });
}

function switchHeat(one, button) {
  const canvas = one.querySelector("canvas.heat");
  canvas.hidden = !canvas.hidden;
  button.setAttribute("aria-pressed", String(!canvas.hidden));
  one.querySelector(".warmth").hidden = canvas.hidden;
  show(one);
}

function hear(one, button) {
  const films = [leader(one), ...followers(one)];
  films.forEach((film, number) => { film.muted = number !== Number(button.dataset.hears); });
  for (const other of one.querySelectorAll("[data-hears]"))
    other.setAttribute("aria-pressed", String(other === button));
}

element.addEventListener("click", (event) => {
  const one = sounder(event.target);
  if (!one) return;
  const button = event.target.closest("button");
  const line = event.target.closest(".wave, .lane");
  if (button?.dataset.take) {
    pause(one);
    const { number } = button.closest("[data-number]").dataset;
    trigger("take", { number: Number(number), to: button.dataset.take });
  } else if (button?.dataset.hears) hear(one, button);
  else if (button?.dataset.at) goTo(one, Number(button.dataset.at));
  else if (button?.matches(".switch-heat")) switchHeat(one, button);
  else if (button) leader(one).paused ? play(one) : pause(one);
  else if (line) {
    const box = line.getBoundingClientRect();
    goTo(one, ((event.clientX - box.left) / box.width) * Number(one.dataset.seconds));
  }
});

element.addEventListener("input", (event) => {
  const one = sounder(event.target);
  if (event.target.matches(".seek")) goTo(one, (event.target.value / 10000) * length(one));
});

// What media tell does not rise by itself, but it can be caught on its way down.
for (const name of ["play", "pause", "ended", "seeked", "timeupdate", "loadedmetadata"])
  element.addEventListener(name, (event) => {
    const one = sounder(event.target);
    if (!one || event.target !== leader(one)) return;
    if (name === "ended") pause(one);
    together(one, leader(one).paused ? 0.001 : APART_S);
    one.classList.toggle("playing", !leader(one).paused);
    const button = one.querySelector(".play");
    button.setAttribute("aria-label", leader(one).paused ? button.dataset.play : button.dataset.pause);
    show(one);
  }, true);
