"""The page moves to a result once it is there: the script that an event runs in the browser for that."""

from __future__ import annotations

# The last news of a run may be drawn after its event has ended, and players find their size later still: so the script
# waits until the status is good and the place has kept its height for a moment.
_SCRIPT = """() => {
  const place = document.querySelector("#PLACE");
  const motion = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  let looks = 100, height = 0, still = 0;
  const look = () => {
    if (!place || looks-- === 0) return;
    const isGood = document.querySelector("#STATUS .good") !== null;
    still = isGood && height > 0 && place.offsetHeight === height ? still + 1 : 0;
    height = place.offsetHeight;
    if (still >= 3) place.scrollIntoView({behavior: motion, block: "BLOCK"});
    else setTimeout(look, 100);
  };
  look();
}"""


def scroll_to(place: str, status: str, *, block: str = "start") -> str:
    """To `place` as soon as `status` is good; not any more after some ten seconds without that. Both are ids."""
    return _SCRIPT.replace("PLACE", place).replace("STATUS", status).replace("BLOCK", block)
