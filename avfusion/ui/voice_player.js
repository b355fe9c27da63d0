// Two sounds on one clock: pressing A or B changes which of them is heard, at the same moment. Runs once, in the HTML
// component that holds players; each is a `.ab` with two <audio data-voice="a|b"> and perhaps a silent <video>.
const APART_S = 0.04; // more than this, and what lags is put right
const player = (inside) => inside.closest?.(".ab");
const sounds = (ab) => [...ab.querySelectorAll("audio")];
const leader = (ab) => ab.querySelector(`audio[data-voice="${ab.dataset.heard}"]`);
const clock = (seconds) => {
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
};
const length = (ab) => leader(ab).duration || Number(ab.dataset.seconds);

function followers(ab) {
  const picture = ab.querySelector("video");
  return [...sounds(ab).filter((one) => one !== leader(ab)), ...(picture ? [picture] : [])];
}

function place(ab, follower) {
  const offset = follower.tagName === "VIDEO" ? Number(ab.dataset.offset) : 0;
  return leader(ab).currentTime + offset;
}

function keepTogether(ab) {
  for (const one of followers(ab))
    if (Math.abs(one.currentTime - place(ab, one)) > APART_S && !one.seeking) one.currentTime = place(ab, one);
}

function show(ab) {
  const now = leader(ab).currentTime;
  ab.querySelector(".time").textContent = `${clock(now)} / ${clock(length(ab))}`;
  const seek = ab.querySelector(".seek");
  if (seek !== document.activeElement || !seek.matches(":active")) seek.value = (1000 * now) / length(ab);
  for (const area of ab.querySelectorAll(".area"))
    area.querySelector(".cursor").style.left = `${Math.min(100, (100 * now) / Number(area.dataset.seconds))}%`;
}

function goTo(ab, seconds) {
  leader(ab).currentTime = Math.min(Math.max(0, seconds), length(ab));
  for (const one of followers(ab)) one.currentTime = place(ab, one);
  show(ab);
}

function pause(ab) {
  for (const one of [leader(ab), ...followers(ab)]) one.pause();
}

function play(ab) {
  for (const other of element.querySelectorAll(".ab")) if (other !== ab) pause(other);
  if (leader(ab).currentTime >= length(ab) - 0.02) goTo(ab, 0);
  for (const one of [leader(ab), ...followers(ab)]) one.play().catch(() => {}); // a picture that no browser plays
  requestAnimationFrame(function step() {
    show(ab);
    if (!leader(ab).paused && ab.isConnected) requestAnimationFrame(step);
  });
}

function hear(ab, which) {
  const before = leader(ab);
  ab.dataset.heard = which;
  const after = leader(ab);
  if (Math.abs(after.currentTime - before.currentTime) > 0.01) after.currentTime = before.currentTime;
  for (const one of sounds(ab)) one.muted = one !== after;
  for (const button of ab.querySelectorAll("[data-hear]"))
    button.setAttribute("aria-pressed", String(button.dataset.hear === which));
}

element.addEventListener("click", (event) => {
  const ab = player(event.target);
  if (!ab) return;
  const button = event.target.closest("[data-hear], .play");
  const area = event.target.closest(".area");
  if (button?.dataset.hear) hear(ab, button.dataset.hear);
  else if (button) leader(ab).paused ? play(ab) : pause(ab);
  else if (area) {
    const box = area.getBoundingClientRect();
    goTo(ab, ((event.clientX - box.left) / box.width) * Number(area.dataset.seconds));
  }
});

element.addEventListener("input", (event) => {
  if (event.target.matches(".seek")) goTo(player(event.target), (event.target.value / 1000) * length(player(event.target)));
});

// What media tell does not rise by itself, but it can be caught on its way down.
for (const name of ["play", "pause", "ended", "timeupdate", "loadedmetadata"])
  element.addEventListener(name, (event) => {
    const ab = player(event.target);
    if (!ab || event.target !== leader(ab)) return;
    if (name === "timeupdate") keepTogether(ab);
    if (name === "ended") pause(ab);
    ab.classList.toggle("playing", !leader(ab).paused);
    ab.querySelector(".play").setAttribute("aria-label", leader(ab).paused ? "Play" : "Pause");
    show(ab);
  }, true);

element.addEventListener("error", (event) => {
  if (event.target.matches("video, .source")) event.target.hidden = true; // what a browser cannot play
}, true);
