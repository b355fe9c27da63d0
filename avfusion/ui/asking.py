"""Who is asking, as far as the time that visitors may use is concerned."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping

from gradio.context import LocalContext


def visitor() -> str:
    """Whoever the call that is being answered comes from; "" for none. A second tab or session is no second visitor."""
    request = LocalContext.request.get(None)
    if request is None or request.request is None:
        return ""
    client = request.request.client
    address = client.host if client is not None else ""
    return behind_space_proxy(request.request.headers) or address if os.environ.get("SPACE_ID") else address


def behind_space_proxy(headers: Mapping[str, str]) -> str:
    """On a Space every connection comes from its proxy, which says in X-IP-Token who is behind it.

    The token's payload counts and not its text, which is new every time. Its signature is the proxy's affair: on
    other machines, where anybody could send such a header, it is not read.
    """
    _, _, rest = headers.get("x-ip-token", "").partition(".")
    payload = rest.partition(".")[0]
    try:
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError):
        said = None
    if isinstance(said, dict):
        for name in ("user", "ip"):
            if isinstance(said.get(name), str) and said[name]:
                return f"{name} {said[name]}"
    return headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
