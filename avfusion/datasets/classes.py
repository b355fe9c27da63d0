"""The 70 things that sound in AVSBench-semantic, their numbers, and which of them AVSBench-OV keeps for testing."""

from __future__ import annotations

BACKGROUND = "background"

_NAMES = (
    "accordion airplane axe baby bassoon bell bird boat boy bus car cat cello clarinet clipper clock dog donkey drum "
    "duck elephant emergency-car erhu flute frying-food girl goose guitar gun guzheng hair-dryer handpan harmonica "
    "harp helicopter hen horse keyboard leopard lion man marimba missile-rocket motorcycle mower parrot piano pig "
    "pipa saw saxophone sheep sitar sorna squirrel tabla tank tiger tractor train trombone truck trumpet tuba ukulele "
    "utv vacuum-cleaner violin wolf woman"
)

CLASSES = (BACKGROUND, *_NAMES.split())
"""71 names; a name's place is its number in the truth pictures of AVSBench-semantic, 0 for background."""

NUMBER_OF = {name: number for number, name in enumerate(CLASSES)}

BASE_NUMBERS = (
    2, 4, 6, 7, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20, 21, 26, 27, 28, 29, 31, 35, 36, 37, 38, 40, 41, 43, 44, 46, 47,
    48, 52, 55, 58, 59, 60, 62, 63, 67, 70,
)  # fmt: skip
"""The 40 classes that AVSBench-OV trains on: the frequent and common ones of LVIS (R. Guo et al., "Open-Vocabulary
Audio-Visual Semantic Segmentation", ACM MM 2024)."""

NOVEL_NUMBERS = tuple(number for number in range(1, len(CLASSES)) if number not in BASE_NUMBERS)
"""The 30 classes that AVSBench-OV never trains on."""


def sounding_labels(field: str) -> tuple[str, ...]:
    """Names in the field `a_obj` of AVSBench's metadata.csv: "girl_guitar" -> ("girl", "guitar").

    Some rows of the published file hold what is no class: `off-the-screen` and `background` say that what sounds is not
    in the picture and are left out; blanks inside a name ("h orse") are taken out. A name that is still unknown is
    kept as it is.
    """
    names = ("".join(part.split()).lower() for part in field.split("_"))
    return tuple(dict.fromkeys(name for name in names if name and name not in (BACKGROUND, "off-the-screen")))
