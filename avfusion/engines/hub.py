"""Repositories of the Hugging Face hub, put into the cache that huggingface_hub keeps, laid out as that package does.

Written here because that package (2.4) starts a download that was cut off from its first byte again. The web interface
is the hub's documented one: `/api/models/REPOSITORY/revision/REVISION` and `/REPOSITORY/resolve/REVISION/FILE`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

from avfusion.engines.engine import HubFiles
from avfusion.engines.fetch import OnBytes, Refused, fetch, open_url
from avfusion.engines.folders import PARTS_LIST, hub_repository, hub_token, parts_of
from avfusion.errors import EngineNotReady

_SMALL = (".json", ".txt")


def fetch_repository(source: HubFiles, on_bytes: OnBytes) -> Path:
    """The folder with the repository's settings, the files that the source names, and the first kind of weights that it
    has; weights come last, and what is nowhere named is left where it is.

    Raises `EngineNotReady`, with where to ask for access if that is what is missing, and `CannotWrite`.
    """
    try:
        commit, there = _look(source)
        snapshot = hub_repository(source) / "snapshots" / commit
        weights = next((name for name in source.weights if _parts(name, there)), None)
        missing = [name for name in source.files if not _parts(name, there)]
        if weights is None or missing:
            lacking = ", ".join(missing) or " or ".join(source.weights)
            raise EngineNotReady(f"{source.page}: the repository has no {lacking} at revision {source.revision}.")
        small = [name for name in there if name.endswith(_SMALL) and "/" not in name]
        for name in dict.fromkeys([*small, *source.files, weights]):
            _fetch_whole(source, commit, name, there, on_bytes)
    except Refused as refused:
        raise _explained(source, refused) from refused
    if source.revision != commit:
        reference = hub_repository(source) / "refs" / source.revision
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(commit)
    return snapshot


def _endpoint() -> str:
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _headers() -> dict[str, str]:
    own = hub_token()
    return {"User-Agent": "avfusion"} | ({"Authorization": f"Bearer {own}"} if own else {})


def _look(source: HubFiles) -> tuple[str, list[str]]:
    """The full commit, and the names of the files in it."""
    url = f"{_endpoint()}/api/models/{source.repository}/revision/{quote(source.revision, safe='')}"
    with open_url(url, _headers()) as response:
        listing = json.load(response)
    return listing["sha"], [row["rfilename"] for row in listing["siblings"]]


def _parts(name: str, there: Collection[str]) -> str | None:
    """The name itself, or that of the list of its parts where the file was cut into several."""
    return next((choice for choice in (name, f"{name}{PARTS_LIST}") if choice in there), None)


def _fetch_whole(source: HubFiles, commit: str, name: str, there: Collection[str], on_bytes: OnBytes) -> None:
    """A file, or the list of its parts and then all of those."""
    found = _parts(name, there) or name
    snapshot = hub_repository(source) / "snapshots" / commit
    _fetch_file(source, commit, found, snapshot / found, on_bytes)
    if found != name:
        for part in parts_of(snapshot / found):
            part_name = part.relative_to(snapshot).as_posix()
            _fetch_file(source, commit, part_name, part, on_bytes)


def _fetch_file(source: HubFiles, commit: str, name: str, link: Path, on_bytes: OnBytes) -> None:
    """A file's content goes to `blobs/`, named by its digest; `link` points there when it is whole."""
    if link.exists():
        return
    url = f"{_endpoint()}/{source.repository}/resolve/{commit}/{quote(name)}"
    # Large files are redirected to a store; only the first answer knows their digest.
    with open_url(url, {**_headers(), "Accept-Encoding": "identity"}, method="HEAD", redirect=False) as response:
        digest = (response.headers.get("X-Linked-Etag") or response.headers.get("ETag") or "").removeprefix("W/")
    digest = digest.strip('"')
    if len(digest) not in (40, 64):
        raise EngineNotReady(f"{url}: the hub gives no checksum for it. Nothing unchecked is taken.")
    blob = hub_repository(source) / "blobs" / digest
    fetch(url, blob, digest=digest, headers=_headers(), on_bytes=on_bytes)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(blob, link.parent))


def _explained(source: HubFiles, refused: Refused) -> EngineNotReady:
    if refused.status in (401, 403):
        return EngineNotReady(f"{source.page}: needs access. Ask for it there, then set HF_TOKEN, and run it again.")
    if refused.status == 404:
        return EngineNotReady(f"{source.page}: there is no such repository or revision ({source.revision}).")
    return EngineNotReady(str(refused))
