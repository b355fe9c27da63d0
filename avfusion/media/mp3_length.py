"""How long the sound in an MP3 is, said in its first frame to the sample.

MP3 knows frames alone: what an encoder puts before and after the sound to fill them stands in a tag of LAME's in the
first frame (G. Bouvigne, "Mp3 Info Tag rev 1"), and players leave it out. FFmpeg says there what it put after the sound
in the last packet; where LAME's delay fills more than that one, up to 46 samples of silence are left.
"""

from __future__ import annotations

from pathlib import Path

# Of the tag, from its "Xing" or "Info" on: where the number of frames lies, LAME's two 12-bit numbers, its checksum.
_FRAMES_AT, _PADDING_AT, _SUM_AT = 8, 141, 154
_ALL_FIELDS = 0b1111
_MOST_PADDING = 4095
_HEAD_BYTES = 4096


def say_length(path: Path, count: int) -> bool:
    """Writes into an MP3 that its sound is `count` samples long at its own rate; False where it has no place for it."""
    with path.open("r+b") as file:
        begin = _after_id3(file.read(10))
        file.seek(begin)
        head = bytearray(file.read(_HEAD_BYTES))
        tag = _tag_in(head)
        if tag is None:
            return False
        frames = int.from_bytes(head[tag + _FRAMES_AT : tag + _FRAMES_AT + 4], "big")
        both = tag + _PADDING_AT
        delay = int.from_bytes(head[both : both + 3], "big") >> 12
        padding = frames * _frame_samples(head) - delay - count
        if not 0 <= padding <= _MOST_PADDING:
            return False
        head[both : both + 3] = (delay << 12 | padding).to_bytes(3, "big")
        end = tag + _SUM_AT
        head[end : end + 2] = _checksum(bytes(head[:end])).to_bytes(2, "big")
        file.seek(begin)
        file.write(head)
    return True


def _after_id3(start: bytes) -> int:
    """Where the first frame begins: behind the ID3 tag, whose length is in 7 bits of four bytes."""
    if start[:3] != b"ID3":
        return 0
    size = 0
    for byte in start[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _tag_in(head: bytes | bytearray) -> int | None:
    """Where the tag begins: behind the header and the side information, which depend on version and channels."""
    if len(head) < 4 or head[0] != 0xFF:
        return None
    is_mono = head[3] >> 6 == 0b11
    tag = 4 + ((17 if is_mono else 32) if _is_mpeg1(head) else (9 if is_mono else 17))
    has_all = head[tag : tag + 4] in (b"Xing", b"Info") and head[tag + 7] == _ALL_FIELDS
    return tag if has_all and len(head) >= tag + _SUM_AT + 2 else None


def _is_mpeg1(head: bytes | bytearray) -> bool:
    return head[1] >> 3 & 0b11 == 0b11


def _frame_samples(head: bytes | bytearray) -> int:
    return 1152 if _is_mpeg1(head) else 576


def _checksum(data: bytes) -> int:
    """CRC-16 with the polynomial 0x8005, the lowest bit first."""
    found = 0
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = found >> 1 ^ (0xA001 if found & 1 else 0)
    return found
