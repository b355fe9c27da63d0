"""The words of the page's frame, of Sounding and of Fusion, by key: in English, and in what other languages there are.

A language is one more dictionary with the same keys in `LANGUAGES`, by its BCP 47 tag. The visitor's own language is
taken where it is there, English otherwise. The words are plain text: no markup and no quotation marks, since they also
stand in attributes.
"""

from __future__ import annotations

from collections.abc import Mapping

import gradio as gr
from gradio.context import LocalContext

ENGLISH: Mapping[str, str] = {
    # The page's frame
    "page-title": "Your clip with another background, without an object, or with another voice.",
    "tab-compare": "Compare",
    "tab-background": "Background",
    "tab-inpaint": "Inpaint",
    "tab-voice": "Voice",
    "tab-sounding": "Sounding",
    "tab-fusion": "Fusion",
    "tab-engines": "Engines",
    "link-copy": "Copy link",
    "link-copied": "Copied: a link to this tab with these settings. Clips, clicks and voices stay here.",
    "link-here": "Copy this link: it opens this tab with these settings. Clips, clicks and voices stay here.",
    "link-address": "The link",
    "link-ignored": "Not everything in this link is a setting of this page. Left out:",
    "link-close": "Close",
    "upload-under-way": "Uploading …",
    "upload-first": "Waits for the upload",
    "tour-open": "Tour",
    "tour-name": "A tour of three steps",
    "tour-asks": "New here? Three steps from your clip to the new one.",
    "tour-start": "Show me",
    "tour-no": "No, thanks",
    "tour-next": "Next",
    "tour-back": "Back",
    "tour-end": "Done",
    "tour-1-head": "1. Your clip, and what stays",
    "tour-1": "Choose a clip and click what should stay in the picture. Follow the object shows it on every frame.",
    "tour-2-head": "2. What changes",
    "tour-2": "Set the new background here. Inpaint marks what should go, and Voice takes the new voice.",
    "tour-3-head": "3. All in one run",
    "tour-3": "Fusion puts together what you set: one clip goes in, one comes out, with lips and sound in step.",
    # Sounding: the clip, and what to look for
    "sounding-clip": "Clip with sound",
    "sounding-drop": "Drop a clip with sound there, or press to choose one.",
    "sounding-example": "Example",
    "sounding-made": "A made scene, no recording: of three things that move, two make the sound, by turns.",
    "sounding-other": "As in Background",
    "sounding-no-other": "There is no clip in the tab Background.",
    "sounding-silent": "This clip has no sound, so there is nothing to listen to.",
    "sounding-how": "What to look for",
    "sounding-engine": "Engine",
    "sounding-auto": "The best that is ready",
    "sounding-unready": "not ready",
    "sounding-labels": "Only these names",
    "sounding-labels-such-as": "dog, guitar, person; empty: any",
    "sounding-text": "Or one thing in words, heard or not",
    "sounding-text-such-as": "the dog on the left",
    "sounding-no-words": "No engine that takes words or knows real things by name is ready: see below which there are.",
    "sounding-options": "Options",
    "sounding-tracker": "Engine that follows what was found",
    "sounding-segmenter": "Engine that draws its outline",
    "sounding-namer": "Engine that says what it is called",
    "sounding-not-ready": "Engines that are not ready",
    "sounding-all-ready": "All engines of this tab are ready.",
    # Sounding: the run
    "sounding-run-head": "Run",
    "sounding-run": "Find what sounds",
    "sounding-stop": "Stop",
    "sounding-done": "Done. The answer is below.",
    "sounding-stopped": "Stopped. What was there stays.",
    "sounding-bug": "This did not work. This is a bug: please report it.",
    "sounding-no-clip": "Choose a clip with sound first (step 1).",
    "sounding-stage-both": "Looking for what moves with the sound",
    "sounding-stage-listening": "Listening",
    "sounding-stage-looking": "Looking for what is heard",
    "sounding-stage-shots": "Looking for cuts",
    "sounding-stage-learning": "Learning what was found",
    "sounding-stage-tracking": "Following what was found",
    "sounding-stage-naming": "Looking for names",
    "sounding-stage-comparing": "Comparing both",
    "sounding-stage-rendering": "Drawing it over the clip",
    "sounding-stage-writing": "Writing the masks",
    # Sounding: the result
    "sounding-result": "What sounds",
    "sounding-earlier": "This is the result of an earlier run, with what was chosen then.",
    "sounding-found": "Found, the surest first:",
    "sounding-abstains": "Nothing is marked, rather than guessed:",
    "sounding-source": "Source",
    "sounding-sure": "sure",
    "sounding-wave": "The sound of the clip, length",
    "sounding-never": "at no time",
    "sounding-go-there": "Go there",
    "sounding-to-background": "Use in Background",
    "sounding-to-inpaint": "Use in Inpaint",
    "sounding-taken": "What was found by its sound",
    "sounding-is-in": "It is now in the tab",
    "sounding-nothing-to-take": "There is no mask of it to take.",
    "sounding-play": "Play",
    "sounding-pause": "Pause",
    "sounding-place": "Place in the clip",
    "sounding-heat": "Heat map",
    "sounding-heat-low": "the sound hardly comes from here",
    "sounding-heat-high": "most likely from here",
    "sounding-film": "Clip with masks",
    "sounding-sources": "Sources as JSON",
    "sounding-masks": "Masks as PNG",
    "sounding-rle": "Masks as COCO RLE",
    # Sounding: the same without the sound
    "sounding-control-head": "Does it go by the sound?",
    "sounding-control-why": "Whatever listens must find something else without the sound, or with another one.",
    "sounding-mute": "Without sound",
    "sounding-swap": "With another sound",
    "sounding-given": "With a sound of mine",
    "sounding-control-own": "With its own sound",
    "sounding-control-mute": "Without sound",
    "sounding-control-swap": "With its own sound, turned round by half",
    "sounding-control-given": "With the sound",
    "sounding-heard": "Which sound is heard",
    "sounding-hear-own": "Its own",
    "sounding-hear-other": "The other",
    "sounding-control-done": "Done. Both are below, side by side.",
    "sounding-changed": "Masks that changed",
    "sounding-iou": "IoU of both masks",
    # Fusion: the clip and its objects
    "fusion-clip": "Clip and objects",
    "fusion-clip-choose": "Choose a clip",
    "fusion-clip-example": "Example",
    "fusion-clip-none": "No clip yet. Choose one here: it is the one of the tab Background too.",
    "fusion-clip-from": "Take the clip of",
    "fusion-picture-alt": "The clip with its objects: what stays is coloured, what goes is chequered",
    "fusion-mark": "Mark objects in Background",
    "fusion-objects-none": "Nothing is marked yet: click what should stay, or what should go, in the tab Background.",
    "fusion-objects-here": "Marked objects",
    "fusion-stays": "stays",
    "fusion-goes": "goes",
    # Fusion: what changes
    "fusion-changes": "What changes",
    "fusion-background": "New background",
    "fusion-background-none": "No background chosen yet.",
    "fusion-background-colour": "The colour",
    "fusion-background-blur": "The clip itself, out of focus",
    "fusion-background-transparent": "Nothing: the file is transparent around the object",
    "fusion-to-background": "Change in Background",
    "fusion-remove": "Objects taken out",
    "fusion-removed": "Which objects go",
    "fusion-object": "Object",
    "fusion-object-inpaint": "marked in Inpaint",
    "fusion-remove-none": "Mark an object first: in Background, or in Inpaint with the same clip.",
    "fusion-remove-tick": "Tick what should go. What is behind it is looked for on the other frames.",
    "fusion-remove-goes": "What was behind it is looked for on the other frames; the rest is invented.",
    "fusion-to-inpaint": "Change in Inpaint",
    "fusion-voice": "New voice",
    "fusion-voice-none": "No target voice yet: give a recording of somebody speaking, five seconds or more.",
    "fusion-voice-silent": "This clip has no sound, so there is no voice to change.",
    "fusion-voice-is-example": "The example voice",
    "fusion-voice-example": "Example voice",
    "fusion-voice-more": "recordings more",
    "fusion-voice-choose": "Give a recording",
    "fusion-to-voice": "Change in Voice",
    # Fusion: the run
    "fusion-run-head": "Run",
    "fusion-format": "File",
    "fusion-format-mp4": "MP4, plays everywhere",
    "fusion-format-webm": "WebM, for the web",
    "fusion-format-mov": "MOV, ProRes 4444 for editing",
    "fusion-run": "Run",
    "fusion-stop": "Stop",
    "fusion-waiting": "Waiting for its turn …",
    "fusion-starting": "Starting …",
    "fusion-all": "All of it",
    "fusion-preview-alt": "The frame being worked on",
    "fusion-done": "Done. The result is below.",
    "fusion-stopped": "Stopped. Nothing was written.",
    "fusion-stopped-kept": "Stopped. What was finished is kept: at the top of the page you can go on.",
    "fusion-bug": "This did not work. This is a bug: please report it.",
    # Fusion: what is missing
    "fusion-lacks-clip": "Choose a clip first (step 1).",
    "fusion-lacks-change": "Everything is switched off: switch on what should change (step 2).",
    "fusion-lacks-object": "Nothing is marked yet: mark the object that stays in front of the background (step 1).",
    "fusion-lacks-stays": "Every object goes, so that nothing stays in front of the background. Let one stay.",
    "fusion-lacks-goes": "Tick which objects should go (step 2).",
    "fusion-lacks-voice": "Give a recording of the target voice first (step 2).",
    # Fusion: the result
    "fusion-result": "Result",
    "fusion-earlier": "This is the result of an earlier run, with what was chosen then.",
    "fusion-before": "Before",
    "fusion-after": "After",
    "fusion-border": "How much is shown as it was before",
    "fusion-play": "Play",
    "fusion-place": "Place in the clip",
    "fusion-heard": "Which sound is heard",
    "fusion-unplayed": "This browser does not play the original.",
    "fusion-download": "Clip",
    "fusion-report-file": "Report",
    "fusion-job-file": "Job file",
    "fusion-proof": "In step with the source",
    "fusion-proof-times": "Frame times",
    "fusion-proof-samples": "Length of the sound, in samples",
    "fusion-proof-lag": "Lag of the sound",
    "fusion-same": "the same",
    "fusion-differ": "not the same",
    "fusion-no-sound": "no sound",
    # Fusion: a run that was cut off
    "fusion-unfinished": "A run was cut off before it was done. What was finished of it is kept.",
    "fusion-go-on": "Go on",
    "fusion-forget": "Forget it",
}

LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH}


def say(key: str) -> str:
    """For labels, choices, and markup that the page begins with: the browser puts the words there. Raises `KeyError`.

    It may stand within other text or markup, and is not to be escaped. Of several in one text only the first is put in.
    """
    return str(gr.I18n()(_known(key)))


def told(key: str) -> str:
    """For markup that an event gives, which no browser translates: the words in the visitor's language. Raises
    `KeyError`."""
    request = LocalContext.request.get(None)
    asked = request.headers.get("accept-language", "") if isinstance(request, gr.Request) else ""
    return LANGUAGES[language_of(asked)][_known(key)]


def language_of(asked: str) -> str:
    """asked: a browser's list, best first, such as `de-AT,de;q=0.9`. The first of it that is there, or else `en`."""
    for entry in asked.split(","):
        tag = entry.partition(";")[0].strip()
        for one in (tag, tag.partition("-")[0]):
            if one in LANGUAGES:
                return one
    return "en"


def _known(key: str) -> str:
    if key not in ENGLISH:
        raise KeyError(f"{key}: no such words. Give them in avfusion/ui/strings.py.")
    return key


def languages() -> gr.I18n:
    """All of them, for the page's launch."""
    return gr.I18n(**{tag: dict(texts) for tag, texts in LANGUAGES.items()})
