"""A vision-language model behind any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Sequence
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from avfusion.errors import UsageError
from avfusion.sounding.asking import NoAnswer

URL_VARIABLE, KEY_VARIABLE, MODEL_VARIABLE = "AVFUSION_VLM_URL", "AVFUSION_VLM_KEY", "AVFUSION_VLM_MODEL"

_LONGEST_ANSWER_TOKENS = 1500
_LONGEST_ANSWER_BYTES = 1 << 20


class Endpoint:
    """url: the server's, as in https://example.org/v1; `/chat/completions` is added where it is missing. key: sent as a
    bearer token to that server and to no other; "" for none. Raises UsageError."""

    def __init__(self, url: str, model: str, key: str = "") -> None:
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
            port = parts.port
        except ValueError:
            is_address, port = False, None
        if not is_address:
            raise UsageError(f"{URL_VARIABLE}: not the address of a server. Set one as in https://example.org/v1.")
        if not model:
            raise UsageError(f"{MODEL_VARIABLE} is not set. Set it to the name of a model that the server has.")
        if "\n" in key or "\r" in key or not key.isascii():
            raise UsageError(f"{KEY_VARIABLE}: a key is one line of plain letters and digits.")
        # What may be shown to anybody: neither the key nor a password in the address.
        self._host = str(parts.hostname) if port is None else f"{parts.hostname}:{port}"
        path = parts.path.rstrip("/").removesuffix("/chat/completions")
        self._url = parts._replace(path=f"{path}/chat/completions", fragment="").geturl()
        self._model = model
        self._key = key

    @property
    def name(self) -> str:
        return f"{self._model} at {self._host}"

    def answer(self, words: str, pictures: Sequence[bytes], wait_s: float, stop: threading.Event) -> str:
        headers = {"Content-Type": "application/json", "User-Agent": "avfusion"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = Request(self._url, json.dumps(self._question(words, pictures)).encode(), headers, method="POST")
        try:
            with build_opener(_Stays).open(request, timeout=wait_s) as response:
                told = response.read(_LONGEST_ANSWER_BYTES)
        except HTTPError as error:
            with error:
                raise NoAnswer(f"it refused with status {error.code}") from error
        except TimeoutError as error:
            raise NoAnswer(f"it did not answer within {wait_s:g} s") from error
        except URLError as error:
            raise NoAnswer(f"it cannot be reached ({error.reason})") from error
        except (OSError, HTTPException, ValueError) as error:
            raise NoAnswer(f"the connection broke ({type(error).__name__})") from error
        return _said(told)

    def _question(self, words: str, pictures: Sequence[bytes]) -> dict[str, Any]:
        shown = [
            {
                "type": "image_url",
                "image_url": {"url": f"data:image/jpeg;base64,{base64.b64encode(each).decode()}", "detail": "high"},
            }
            for each in pictures
        ]
        return {
            "model": self._model,
            "messages": [{"role": "user", "content": [{"type": "text", "text": words}, *shown]}],
            "max_tokens": _LONGEST_ANSWER_TOKENS,
            "temperature": 0,
        }


class _Stays(HTTPRedirectHandler):
    """Follows nowhere: the key and the pictures are for the server that was named."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _said(told: bytes) -> str:
    """The text of the first choice; some servers cut it into parts."""
    try:
        content = json.loads(told)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise NoAnswer("what it sent is no chat completion") from error
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise NoAnswer("what it sent is no chat completion")
    return content
