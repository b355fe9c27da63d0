"""A file from a public address, of a size that is allowed."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from pathlib import Path
from urllib.parse import urljoin, urlparse

import httpx
from gradio_client.utils import strip_invalid_filename_characters  # type: ignore[import-untyped]
from safehttpx import AsyncSecureTransport  # type: ignore[import-untyped]

from avfusion.errors import CannotRead, TooLarge
from avfusion.media.limits import Limits

_MOST_REDIRECTS = 5
_PATIENCE_S = 20.0
_LONGEST_S = 600.0


async def fetch(address: str, folder: Path) -> Path:
    """The file behind http(s)://..., in `folder`. Only hosts that are public: what runs beside this server is not
    the caller's to read. Raises `CannotRead` and `TooLarge`."""
    host = urlparse(address).hostname or ""
    try:
        async with asyncio.timeout(_LONGEST_S):
            return await _followed(address, folder, Limits().file_bytes)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, TimeoutError) as error:
        raise CannotRead(f"{host[:100]}: the file cannot be fetched from there. Upload it instead.") from error


async def _followed(address: str, folder: Path, most_bytes: float) -> Path:
    for _ in range(_MOST_REDIRECTS):
        url = httpx.URL(address)
        transport = AsyncSecureTransport(await _public_ip(url.host))
        async with (
            httpx.AsyncClient(transport=transport, timeout=_PATIENCE_S) as client,
            client.stream("GET", url, follow_redirects=False) as response,
        ):
            if response.has_redirect_location:
                address = urljoin(address, response.headers["Location"])
                continue
            response.raise_for_status()
            name = strip_invalid_filename_characters(Path(url.path).name) or "file"
            return await _written(response, folder / name, most_bytes)
    raise ValueError("too many redirects")


async def _written(response: httpx.Response, path: Path, most_bytes: float) -> Path:
    size = 0
    try:
        with path.open("wb") as file:
            async for piece in response.aiter_bytes():
                size += len(piece)
                if size > most_bytes:
                    raise TooLarge(f"{path.name}: more than the {most_bytes / 1e6:.4g} MB that are taken here.")
                file.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


async def _public_ip(host: str) -> str:
    """Raises `ValueError` for a host that is in a private network, or this machine."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    for *_, place in found:
        address = ipaddress.ip_address(place[0])
        if not address.is_global or address.is_multicast:
            raise ValueError(f"{host} is not public")
    return str(found[0][-1][0])
