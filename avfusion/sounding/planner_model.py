"""Plans that a vision-language model makes; where it gives no answer that can be used, the rules decide."""

from __future__ import annotations

import json
import re

from avfusion.sounding.asking import Asking, NoAnswer
from avfusion.sounding.planner import Detection, Pivot, Scene
from avfusion.sounding.planner_pictures import as_jpeg, collage, with_boxes
from avfusion.sounding.planner_rules import Rules

_COLUMNS = 5

_SOURCES = """The picture shows {count} frames of one video clip, in order of time from left to right and from top \
to bottom. Each frame has its number in a red disc in its upper left corner. A program that only hears the clip names \
these sounds, the likeliest first:
{tags}

Which things that can be seen in the frames make what is heard?
1. Say in a sentence what happens in the clip.
2. Go through the sounds. Leave out those that are nothing one could point at (music as such, a room, silence) and \
those whose source is in none of the frames. Names that mean the same thing are one: a bark and a dog are one dog.
3. Name each source with one or two words for the thing itself, not for its sound. {allowed}
4. For each source choose the number of the frame in which it is seen best: large, sharp, whole, not covered.
Give at most {at_most}, the surest first. End with one line of JSON and nothing after it, for example
{{"sources": [{{"name": "dog", "frame": 2}}]}}
or {{"sources": []}} if nothing in sight makes the sound."""

_ANY_NAME = "Any name will do."
_ONLY_NAMES = "Use only these names: {labels}."

_MOMENT = """The picture shows {count} frames of one video clip, in order of time from top to bottom. Each frame has \
its number in a red disc in its upper left corner. Somebody looks for: "{words}".
1. Describe in a sentence for each frame what is in it and what happens.
2. Say in which frames the thing that is looked for can be seen. If the words speak of an action, it is the thing that \
does it at any time of the clip.
3. Choose the one frame in which it is seen best and is easiest to cut out: large, sharp, whole, not covered, not to \
be mistaken for another one.
End with the number of that frame in square brackets, for example [2], or with [-1] if it is in none of them."""

_BOX = """The picture is a frame of a video clip with {count} boxes, each with its number at its upper left corner. In \
pixels of the picture (left, top, right, bottom) they are:
{boxes}
{wanted}
1. Describe the frame in a sentence.
2. Describe for each box what is inside; the boxes come from a program that may be wrong.
3. {advice}
End with the number of the box in square brackets, for example [1]{none}."""

_DESCRIBED = 'Somebody looks for: "{words}".'
_DESCRIBED_ADVICE = (
    "Find the word in that description that says what the thing itself is; the rest tells it from others, by place, "
    "looks, or what stands beside it. Choose the box that has all of this thing in it and as little else as possible."
)
_HEARD = "One of them holds the {words} that is heard in the clip."
_HEARD_ADVICE = (
    "Choose the box with what makes the sound. Of a musical instrument take its body, without a bow or the player. "
    "Take the box with the whole thing before one with a part of it. Of several things of a kind take the one that "
    "moves or stands out."
)  # fmt: skip


class ModelPlanner:
    """asking: the model, for this run. What it answers is checked; what cannot be used is noted."""

    def __init__(self, asking: Asking, rules: Rules) -> None:
        self._asking = asking
        self._rules = rules

    def sources(self, scene: Scene) -> tuple[Pivot, ...]:
        picture = collage([each.rgb for each in scene.candidates], _COLUMNS)
        tags = "\n".join(f"- {tag.name} ({tag.probability:.2f})" for tag in scene.tags)
        labels = ", ".join(label.replace("-", " ") for label in scene.labels)
        words = _SOURCES.format(
            count=len(scene.candidates), tags=tags, at_most=scene.at_most,
            allowed=_ONLY_NAMES.format(labels=labels) if labels else _ANY_NAME,
        )  # fmt: skip
        try:
            named = self._asking.ask(
                words, [as_jpeg(picture)], lambda said: read_sources(said, len(scene.candidates)), scene.waiting
            )
        except NoAnswer as failed:
            scene.note(self._fell_back("what sounds", failed))
            return self._rules.sources(scene)
        scene.note(self._decided())
        pivots: dict[str, Pivot] = {}
        for pivot in named:
            name = scene.nearest(pivot.name)[0] if scene.labels else pivot.name
            pivots.setdefault(name, Pivot(name, pivot.candidate))
        return tuple(pivots.values())[: scene.at_most]

    def moment(self, scene: Scene, words: str) -> int | None:
        count = len(scene.candidates)
        picture = collage([each.rgb for each in scene.candidates], 1)
        try:
            number = self._asking.ask(
                _MOMENT.format(count=count, words=words), [as_jpeg(picture)], lambda said: read_number(said, count),
                scene.waiting,
            )  # fmt: skip
        except NoAnswer as failed:
            scene.note(self._fell_back("the frame", failed))
            return self._rules.moment(scene, words)
        scene.note(self._decided())
        return None if number < 0 else number - 1

    def box(self, scene: Scene, candidate: int, words: str, found: tuple[Detection, ...], *, heard: bool) -> int | None:
        if not found or (heard and len(found) == 1):
            return 0 if found else None
        picture = with_boxes(scene.candidates[candidate].rgb, [each.box for each in found])
        scale = picture.shape[1] / scene.candidates[candidate].rgb.shape[1]
        corners = [(each.box.x0, each.box.y0, each.box.x1, each.box.y1) for each in found]
        asked = _BOX.format(
            count=len(found),
            boxes="\n".join(f"{n}: {[round(edge * scale) for edge in four]}" for n, four in enumerate(corners, 1)),
            wanted=(_HEARD if heard else _DESCRIBED).format(words=words),
            advice=_HEARD_ADVICE if heard else _DESCRIBED_ADVICE,
            none="" if heard else ", or with [-1] if it is in none of them",
        )
        try:
            number = self._asking.ask(
                asked, [as_jpeg(picture)], lambda said: read_number(said, len(found)), scene.waiting
            )
        except NoAnswer as failed:
            scene.note(self._fell_back("the box", failed))
            return self._rules.box(scene, candidate, words, found, heard=heard)
        scene.note(self._decided())
        if number < 0:
            # It was told that the sounding thing is there; without an answer the detector's first stands.
            return 0 if heard else None
        return number - 1

    def _decided(self) -> str:
        """Whoever sees the result should know who saw frames of the clip."""
        return f"{self._asking.name} was shown frames of the clip, and chose among them and what is in them."

    def _fell_back(self, what: str, failed: NoAnswer) -> str:
        return f"{self._asking.name}: {failed}; {what} was chosen by rules instead."


def read_number(said: str, count: int) -> int | None:
    """The last number in square brackets: 1..count, or -1; None where there is none, or another one."""
    numbers = re.findall(r"\[\s*(-?\d{1,4})\s*\]", said)
    number = int(numbers[-1]) if numbers else 0
    return number if number == -1 or 1 <= number <= count else None


def read_sources(said: str, count: int) -> tuple[Pivot, ...] | None:
    """The last JSON object with "sources" in it; None where there is none. Frames that are not there are the first one,
    as AL-Ref-SAM 2 has it."""
    for start in reversed([match.start() for match in re.finditer(r"\{", said)]):
        try:
            told, _ = json.JSONDecoder().raw_decode(said, start)
        except (ValueError, RecursionError):
            continue
        rows = told.get("sources") if isinstance(told, dict) else None
        if isinstance(rows, list):
            return _pivots(rows, count)
    return None


def _pivots(rows: list[object], count: int) -> tuple[Pivot, ...] | None:
    """None if there are rows and none of them can be read."""
    pivots = []
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("name"), str) and _plain(row["name"]):
            frame = row.get("frame")
            place = frame - 1 if isinstance(frame, int) and 1 <= frame <= count else 0
            pivots.append(Pivot(_plain(row["name"]), place))
    return None if rows and not pivots else tuple(pivots)


def _plain(name: str) -> str:
    """ "  The Dog. " -> "dog": it becomes a detector's words and a label in the report."""
    words = re.sub(r"[^\w\s'-]", " ", name).lower().split()
    return " ".join(words[1:] if words[:1] in (["a"], ["an"], ["the"]) else words)[:60]
