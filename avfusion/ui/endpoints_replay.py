"""What programs call to have a job file done again: /replay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from avfusion.errors import UsageError
from avfusion.jobs.carry_out import Order, carry_out
from avfusion.jobs.inputs import checked, put
from avfusion.jobs.job_file import Job, read_job
from avfusion.media.digest import digest_of
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.ui.compare_running import zipped
from avfusion.ui.endpoints_asked import File, Files
from avfusion.ui.endpoints_running import Made, Reported, handed_out


def replay(
    job: Annotated[str, File("the job file, as --save-job and the page write it.")],
    files: Annotated[list[str], Files("the files that it was made from, in any order, under any name.")],
) -> Made:
    """Does again what a job file says: the same verb on the same files with the same settings, to the same result.

    Returns:
        The finished file, in a ZIP where there are more of them, and the report of that verb.
    """
    asked = read_job(Path(job), wanted="Give a job file.")
    files_out = (asked.out, *asked.also.values())
    is_one = len(files_out) == 1 and bool(Path(asked.out).suffix)

    def work(out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Reported:
        folder, results = out.parent / "job", out.parent / "results"
        results.mkdir()
        _lay_out(asked, files, folder)
        outs = {"out": results / asked.out, **{name: results / file for name, file in asked.also.items()}}
        order = Order(asked, checked(folder, asked), outs, None, None, on_progress, should_stop)
        report = carry_out(order)
        if is_one:
            outs["out"].rename(out)
        else:
            zipped(sorted(path for path in results.rglob("*") if path.is_file()), out)
        return report

    yield from handed_out(asked.out if is_one else f"{Path(asked.out).stem}.zip", work)


def _lay_out(asked: Job, files: Sequence[str], folder: Path) -> None:
    """Puts each file where the job looks for it. Raises `UsageError` for one that is not there."""
    known = {digest_of(Path(file)): file for file in files}
    for name, one in asked.inputs.items():
        if one.sha256 not in known:
            raise UsageError(f"{name}: none of these files is the {Path(one.path).name} that the job was made from.")
        if not (folder / one.path).exists():
            put(Path(known[one.sha256]), folder / one.path)
