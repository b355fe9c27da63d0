"""Everything that can go wrong and is not a bug.

    AvfusionError
    ├── UsageError                 the request contradicts itself or names what does not exist
    │   ├── NoPrompt               nothing says which object is meant
    │   ├── PromptOutside          a click, a box or a frame number lies outside the clip
    │   ├── MaskSizeMismatch       a mask has another size than the clip
    │   ├── MaskCountMismatch      a folder of masks does not fit the clip's frames
    │   └── UnknownEngine          no engine of that name
    ├── InputError                 the input cannot be used
    │   ├── CannotRead             missing, empty, damaged or of no known format
    │   ├── NoVideoStream          it opens, and there is no picture in it
    │   ├── NoFrames               there is a video stream, and not one frame decodes
    │   ├── TooLarge               more pixels or frames than this machine should decode
    │   ├── NothingFound           the engine saw no object where the prompts point
    │   └── OverLimit              more work than the page gives a run or a visitor, or its queue is full
    ├── OutputError                the result cannot be written
    │   ├── CannotWrite            folder missing or not writable, disk full, encoder refused
    │   ├── OutputIsInput          the output path is one of the inputs
    │   ├── UnknownFormat          no output format has that file ending
    │   └── TimesMismatch          what was handed to the writer is not what was promised to it
    ├── EngineNotReady             the engine needs a download, a package or access first
    │   └── NotEnoughMemory        it needs more memory than its device can give
    └── Stopped                    the user asked to stop

Every message is one line: what, which file, what to do. Only the doors (`avfusion.ui`, `avfusion.cli`) translate these;
any other exception that reaches a door is a bug and shows its trace.

    try:
        avfusion.swap("clip.mp4", [Point(x=40, y=60)], background="#204060", out="out.mp4")
    except AvfusionError as error:
        print(error)
"""


class AvfusionError(Exception):
    """Base of every error that a user can do something about."""


class UsageError(AvfusionError):
    """The request contradicts itself or names something that does not exist."""


class NoPrompt(UsageError):
    """Nothing says which object is meant."""


class PromptOutside(UsageError):
    """A click, a box or a frame number lies outside the clip."""


class MaskSizeMismatch(UsageError):
    """A mask has another size than the clip it is for."""


class MaskCountMismatch(UsageError):
    """A folder of masks does not fit the clip's number of frames."""


class UnknownEngine(UsageError):
    """There is no engine of that name; the message lists those there are."""


class InputError(AvfusionError):
    """The input cannot be used."""


class CannotRead(InputError):
    """A file is missing, empty, damaged or of no known format."""


class NoVideoStream(InputError):
    """A file opens and holds no picture."""


class NoFrames(InputError):
    """A file has a video stream of which not one frame decodes."""


class TooLarge(InputError):
    """A picture or clip has more pixels or frames than this machine should decode."""


class NothingFound(InputError):
    """The engine saw no object where the prompts point."""


class OverLimit(InputError):
    """The work is more than the page gives a run or a visitor, or too many wait already."""


class OutputError(AvfusionError):
    """The result cannot be written."""


class CannotWrite(OutputError):
    """The folder is missing or not writable, the disk is full, or the encoder refused."""


class OutputIsInput(OutputError):
    """The output path is one of the inputs."""


class UnknownFormat(OutputError):
    """No output format has that file ending."""


class TimesMismatch(OutputError):
    """Frames or sound handed to the writer differ from those that were promised to it."""


class EngineNotReady(AvfusionError):
    """The engine needs a download, a package or access before it can work."""


class NotEnoughMemory(EngineNotReady):
    """An engine needs more memory than its device can give; the message names what would fit.

    Of the engine: its name and ability, and the device on which it does not fit.
    """

    def __init__(self, message: str, *, engine: str = "", ability: str = "", device: str = "") -> None:
        super().__init__(message)
        self.engine, self.ability, self.device = engine, ability, device


class Stopped(AvfusionError):
    """The user asked to stop. Nothing was written."""
