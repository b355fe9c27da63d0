// Before and after, one over the other, with a border that is moved; of clips both on one clock. Runs once, in the HTML
// component that holds them; each is a `.wipe` with layers `.before` and `.after`, perhaps `.map`, that are <img> or
// <video>. What the layer on the right shows is chosen by buttons `data-shows`, whose sound is heard by `data-hears`.
const APART_S = 0.04; // more than this, and what lags is put right
const AGAIN_MS = [80, 300, 900]; // after a pause, when a seek may have been under way
const wipe = (inside) => inside.closest?.(".wipe");
const leader = (one) => one.querySelector("video.after");
const followers = (one) => [...one.querySelectorAll("video:not(.after)")];
const offset = (one, follower) => (follower.classList.contains("before") ? Number(one.dataset.offset) : 0);
const length = (one) => leader(one).duration || Number(one.dataset.seconds);
const clock = (seconds) => {
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
};

function together(one, most) {
  for (const follower of followers(one)) {
    const wanted = leader(one).currentTime + offset(one, follower);
    if (Math.abs(follower.currentTime - wanted) > most && !follower.seeking) follower.currentTime = wanted;
  }
}

function show(one) {
  const now = leader(one).currentTime;
  one.querySelector(".time").textContent = `${clock(now)} / ${clock(length(one))}`;
  const seek = one.querySelector(".seek");
  if (seek !== document.activeElement || !seek.matches(":active")) seek.value = (10000 * now) / length(one);
}

function goTo(one, seconds) {
  leader(one).currentTime = Math.min(Math.max(0, seconds), length(one));
  together(one, 0);
  show(one);
}

function pause(one) {
  for (const video of [leader(one), ...followers(one)]) video.pause();
}

function play(one) {
  if (leader(one).currentTime >= length(one) - 0.02) goTo(one, 0);
  for (const video of [leader(one), ...followers(one)]) video.play().catch(() => {}); // what no browser plays
  requestAnimationFrame(function step() {
    show(one);
    if (!leader(one).paused && one.isConnected) requestAnimationFrame(step);
  });
}

element.addEventListener("click", (event) => {
  const one = wipe(event.target);
  const button = one && event.target.closest("[data-shows], [data-hears], .play");
  if (!button) return;
  if (button.dataset.hears) {
    for (const video of [leader(one), ...followers(one)]) video.muted = !video.classList.contains(button.dataset.hears);
    for (const other of one.querySelectorAll("[data-hears]"))
      other.setAttribute("aria-pressed", String(other === button));
  } else if (button.dataset.shows) {
    one.dataset.shown = button.dataset.shows;
    for (const other of one.querySelectorAll("[data-shows]"))
      other.setAttribute("aria-pressed", String(other === button));
  } else leader(one).paused ? play(one) : pause(one);
});

element.addEventListener("input", (event) => {
  const one = wipe(event.target);
  if (event.target.matches(".at")) one.style.setProperty("--at", `${event.target.value / 10}%`);
  else if (event.target.matches(".seek")) goTo(one, (event.target.value / 10000) * length(one));
});

// What media tell does not rise by itself, but it can be caught on its way down.
for (const name of ["play", "pause", "ended", "seeked", "timeupdate", "loadedmetadata"])
  element.addEventListener(name, (event) => {
    const one = wipe(event.target);
    if (!one || event.target !== leader(one)) return;
    if (name === "ended") pause(one);
    together(one, leader(one).paused ? 0.001 : APART_S);
    if (name === "pause")
      for (const wait of AGAIN_MS) setTimeout(() => { if (leader(one).paused) together(one, 0.001); }, wait);
    one.classList.toggle("playing", !leader(one).paused);
    one.querySelector(".play").setAttribute("aria-label", leader(one).paused ? "Play" : "Pause");
    show(one);
  }, true);

element.addEventListener("error", (event) => {
  const one = wipe(event.target);
  if (one && event.target.matches("video.before")) one.classList.add("alone"); // a source that no browser plays
}, true);
