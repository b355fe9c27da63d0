"""One job of a batch on a node of a Ray cluster, which sees neither our files nor our folders."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import avfusion
from avfusion.jobs.batch_worker import Answer, run_one
from avfusion.jobs.ray_files import Tree, received, sent

_IN, _OUT, _KEPT = "in", "out", "kept"


def version() -> str:
    """Asked of a node before any job is."""
    return avfusion.__version__


def work(order: Mapping[str, Any]) -> Answer:
    """Runs a job and gives what `run_one` gives, with the results as `files`: name -> `ray_files.Tree`.

    order: the `job`, its `inputs` (path -> Tree), and `folder` and `out`, which is where messages and the report shall
    say that inputs and results lie; `scratch`: a folder to work in, None for the system's. Raises what is a bug.
    """
    import ray

    with tempfile.TemporaryDirectory(prefix="avfusion-", dir=order["scratch"]) as name:
        folder = Path(name)
        answer = run_one(partial(_run, order["job"], order["inputs"], folder), _nobody)
        there = {os.fspath(folder / _IN): order["folder"], os.fspath(folder / _OUT): order["out"]}
        answer = renamed(answer, there)
        if answer["status"] == "done":
            answer["files"] = {path.name: sent(ray, path) for path in (folder / _OUT).iterdir()}
    node = ray.get_runtime_context().get_node_id()
    answer["where"] = f"{socket.gethostname()}, node {node[:8]}, process {os.getpid()}"
    return answer


def _nobody(answer: Answer) -> None:
    """A bug reaches whoever asked for the job as an exception."""


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """What JSON can hold, with paths in its texts put in place of others."""
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, dict):
        return {key: renamed(one, names) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [renamed(one, names) for one in value]
    return value


def _run(plain: Mapping[str, Any], inputs: Mapping[str, Tree], folder: Path) -> Mapping[str, Any]:
    import ray

    from avfusion.jobs.carry_out import Order, carry_out
    from avfusion.jobs.inputs import checked
    from avfusion.jobs.job_file import job_of
    from avfusion.pipelines.keep import Keep

    job = job_of(plain)
    for path, tree in inputs.items():
        received(ray, tree, folder / _IN / path)
    (folder / _OUT).mkdir()
    paths = checked(folder / _IN, job)
    outs = {name: folder / _OUT / file for name, file in {"out": job.out, **job.also}.items()}
    # What is kept here helps nobody after a loss; it is kept so that the result is the same as on any other way.
    keep = Keep(folder / _KEPT, digests={path: job.inputs[name].sha256 for name, path in paths.items()})
    return carry_out(Order(job, paths, outs, keep)).as_json()
