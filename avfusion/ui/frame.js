// A frame to work on: clicks, strokes and boxes on it go to the program in pixels of the displayed picture.
// Runs once, in the HTML component of the frame; `value` is {src, frame, colour}, `live` an address or nothing, and
// `tab` the name of the tab, with which the names of its tools begin.
const stage = element.querySelector(".stage");
const picture = stage.querySelector("img");
const ink = stage.querySelector("svg");
const live = stage.querySelector(".live");
const CLICK_PX = 6; // on the screen; less than that is a click with an unsteady hand
const STEP_PX = 3; // of the displayed picture, between two places of a stroke
let path = null; // places of the pointer while it is down
let moved = 0; // how far it went, on the screen
let answerBy = 0; // until then what was drawn last stays, unless the answer comes first

const checked = (group) => document.querySelector(`#${props.tab}-${group} input:checked`)?.value;
const tool = () => checked("tool") ?? "keep";
const drops = () => ["scribble", "brush"].includes(tool()) && checked("stroke") === "drop";
const draws = () => ["box", "scribble", "outline", "brush"].includes(tool());
const brush = () => Number(document.querySelector(`#${props.tab}-brush input[type=range]`)?.value ?? 40);

// Where the picture's own pixels lie on the screen: it is never enlarged and sits in the middle of its element.
function area() {
  const box = picture.getBoundingClientRect();
  const [width, height] = [picture.naturalWidth, picture.naturalHeight];
  const scale = Math.min(box.width / width, box.height / height, 1);
  const [left, top] = [box.left + (box.width - width * scale) / 2, box.top + (box.height - height * scale) / 2];
  return { left, top, scale, width, height };
}

function place(event) {
  const { left, top, scale, width, height } = area();
  const [x, y] = [(event.clientX - left) / scale, (event.clientY - top) / scale];
  const isInside = x >= 0 && y >= 0 && x < width && y < height;
  return { at: [Math.min(Math.max(x, 0), width - 0.01), Math.min(Math.max(y, 0), height - 0.01)], isInside };
}

// What is being drawn, before the program has answered.
function draw() {
  const { left, top, scale } = area();
  const origin = stage.getBoundingClientRect();
  const seen = path.map(([x, y]) => [left - origin.left + x * scale, top - origin.top + y * scale]);
  const [[x0, y0], [x1, y1]] = [seen[0], seen[seen.length - 1]];
  const colour = drops() || tool() === "drop" ? "#dc2626" : props.value.colour;
  const wide = tool() === "brush" ? `style="stroke-width:${brush() * scale}px"` : "";
  if (wide && seen.length === 1) ink.innerHTML = rim(x0, y0, scale, colour);
  else if (wide)
    ink.innerHTML = `<polyline class="brush" points="${seen.map((at) => at.join(",")).join(" ")}" stroke="${colour}" ${wide}/>`;
  else if (seen.length === 1) ink.innerHTML = `<circle class="waits" cx="${x0}" cy="${y0}" r="7" stroke="${colour}"/>`;
  else if (tool() === "box")
    ink.innerHTML = `<rect x="${Math.min(x0, x1)}" y="${Math.min(y0, y1)}" width="${Math.abs(x1 - x0)}"
      height="${Math.abs(y1 - y0)}" stroke="${colour}"/>`;
  else {
    const shape = tool() === "outline" ? "polygon" : "polyline";
    ink.innerHTML = `<${shape} points="${seen.map((at) => at.join(",")).join(" ")}" stroke="${colour}"/>`;
  }
}

// The brush under the pointer.
const rim = (x, y, scale, colour) => `<circle class="rim" cx="${x}" cy="${y}" r="${(brush() * scale) / 2}" stroke="${colour}"/>`;

function hover(event) {
  if (path || performance.now() < answerBy || tool() !== "brush" || event.pointerType === "touch" || !props.value?.src) return;
  const { scale } = area();
  const origin = stage.getBoundingClientRect();
  const colour = drops() ? "#dc2626" : props.value.colour;
  ink.innerHTML = rim(event.clientX - origin.left, event.clientY - origin.top, scale, colour);
}

function forget() {
  path = null;
  ink.innerHTML = "";
}

stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.isPrimary || !props.value?.src || !live.hidden) return;
  const { at, isInside } = place(event);
  if (!isInside) return;
  [path, moved] = [[at], 0];
  path.frame = props.value.frame; // the one that is seen now, whatever comes before the pointer is lifted
  path.screen = [event.clientX, event.clientY];
  if (draws()) stage.setPointerCapture(event.pointerId);
  draw();
});

stage.addEventListener("pointermove", (event) => {
  if (!path || !event.isPrimary) return;
  moved = Math.max(moved, Math.hypot(event.clientX - path.screen[0], event.clientY - path.screen[1]));
  if (!draws() || moved < CLICK_PX) return;
  for (const one of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
    const { at } = place(one);
    const last = path[path.length - 1];
    if (Math.hypot(at[0] - last[0], at[1] - last[1]) >= STEP_PX) path.push(at);
  }
  draw();
});

stage.addEventListener("pointerup", (event) => {
  if (!path || !event.isPrimary) return;
  const points = tool() === "box" && path.length > 1 ? [path[0], path[path.length - 1]] : [...path];
  trigger("stroke", { frame: path.frame, points });
  path = null; // the ink stays until the answer comes
  answerBy = performance.now() + 2500;
});

stage.addEventListener("pointermove", hover);
stage.addEventListener("pointerleave", () => { if (!path && performance.now() >= answerBy && tool() === "brush") forget(); });
stage.addEventListener("pointercancel", forget); // the finger scrolls the page
picture.addEventListener("dragstart", (event) => event.preventDefault());

function show() {
  answerBy = 0;
  if (!path) ink.innerHTML = "";
  stage.classList.toggle("empty", !props.value?.src);
  if (!props.value?.src) picture.removeAttribute("src");
  else if (picture.src !== props.value.src) picture.src = props.value.src;
}

function preview() {
  live.hidden = !props.live;
  live.style.backgroundImage = props.live ? `url("${props.live}")` : "";
}

watch("value", show);
watch("live", preview);
show();
preview();
