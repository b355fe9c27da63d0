// Keyboard shortcuts of the Background tab. Not while somebody types, and not where a key has a meaning of its own.
const BUTTONS = {
  w: "background-worst", t: "background-follow", i: "background-in", o: "background-out",
  n: "background-object-add",
};
const TOOLS = { k: "keep", d: "drop", b: "box", s: "scribble" };
let byPointer = true; // whether the focus came from a press: then arrows mean frames, not the choice beside them

const press = (id) => document.querySelector(`#${id}`)?.click();
const pick = (group, value) => document.querySelector(`#${group} input[value="${value}"]`)?.click();

function isTyping(target) {
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return target.matches("input") && !["radio", "checkbox", "range", "button"].includes(target.type);
}

function ownsArrows(target) {
  if (target.closest("#background-scrub")) return false;
  return target.matches("video, audio, input[type=range], [role=tab], [role=slider]") || (target.matches("input") && !byPointer);
}

function onKey(event) {
  const frame = document.querySelector("#background-frame .stage");
  if (!frame?.offsetParent || event.altKey || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key !== "z" && key !== "y") return;
    press(key === "y" || event.shiftKey ? "background-redo" : "background-undo");
  } else if (key === "arrowleft" || key === "arrowright") {
    if (ownsArrows(event.target)) return;
    const count = (event.shiftKey ? 10 : 1) * (key === "arrowleft" ? -1 : 1);
    document.dispatchEvent(new CustomEvent("avfusion-step", { detail: count }));
  } else if (TOOLS[key]) pick("background-tool", TOOLS[key]);
  else if (BUTTONS[key]) press(BUTTONS[key]);
  else if (key >= "1" && key <= "9") pick("background-objects", key);
  else if (key === "?") element.querySelector("details").toggleAttribute("open");
  else return;
  event.preventDefault();
}

document.addEventListener("pointerdown", () => { byPointer = true; }, true);
document.addEventListener("keydown", (event) => { if (event.key === "Tab") byPointer = false; }, true);
document.addEventListener("keydown", onKey);
