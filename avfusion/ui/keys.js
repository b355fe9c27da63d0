// Keyboard shortcuts of a tab (`tab`) where objects are clicked. Not while somebody types, and not where a key has a meaning of its own.
const BUTTONS = { w: "worst", t: "follow", i: "in", o: "out", n: "object-add" };
const TOOLS = { k: "keep", d: "drop", b: "box", s: "scribble", p: "brush" };
let byPointer = true; // whether the focus came from a press: then arrows mean frames, not the choice beside them

const press = (id) => document.querySelector(`#${props.tab}-${id}`)?.click();
const pick = (group, value) => document.querySelector(`#${props.tab}-${group} input[value="${value}"]`)?.click();

function isTyping(target) {
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return target.matches("input") && !["radio", "checkbox", "range", "button"].includes(target.type);
}

function ownsArrows(target) {
  if (target.closest(`#${props.tab}-scrub`)) return false;
  return target.matches("video, audio, input[type=range], [role=tab], [role=slider]") || (target.matches("input") && !byPointer);
}

function onKey(event) {
  const frame = document.querySelector(`#${props.tab}-frame .stage`);
  if (!frame?.offsetParent || event.altKey || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key !== "z" && key !== "y") return;
    press(key === "y" || event.shiftKey ? "redo" : "undo");
  } else if (key === "arrowleft" || key === "arrowright") {
    if (ownsArrows(event.target)) return;
    const count = (event.shiftKey ? 10 : 1) * (key === "arrowleft" ? -1 : 1);
    document.dispatchEvent(new CustomEvent("avfusion-step", { detail: { tab: props.tab, count } }));
  } else if (TOOLS[key]) pick("tool", TOOLS[key]);
  else if (BUTTONS[key]) press(BUTTONS[key]);
  else if (key >= "1" && key <= "9") pick("objects", key);
  else if (key === "?") element.querySelector("details").toggleAttribute("open");
  else return;
  event.preventDefault();
}

document.addEventListener("pointerdown", () => { byPointer = true; }, true);
document.addEventListener("keydown", (event) => { if (event.key === "Tab") byPointer = false; }, true);
document.addEventListener("keydown", onKey);
