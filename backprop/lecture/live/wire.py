"""What page and engine say to each other. Requests are small JSON texts; answers have JSON in front, arrays behind.

    answer   4 bytes, how long the JSON is; the JSON, filled up with spaces to a multiple of 4; the arrays, as float32

A request that is not one of the table is refused: nothing from the wire reaches the engine unchecked.
"""

import base64
import binascii
import json
import math
import struct

import numpy as np

from backprop.errors import OptionError
from backprop.lecture.live import editor
from backprop.show.numbers import without_nan

LONGEST = 1 << 17  # bytes of a request


def _whole(least, most):
    return lambda value: type(value) is int and least <= value <= most


def _text(longest):
    return lambda value: isinstance(value, str) and len(value) <= longest


def _one_of(*values):
    return lambda value: type(value) in map(type, values) and value in values


REQUESTS = {  # what is asked -> what it says, and whether that can be
    "hello": {},
    "status": {},
    "see": {
        "pixels": _text(LONGEST),  # in base64; empty for a test image
        "drawn": _one_of(True, False),  # ink on a square, not the network's own pixels
        "test": _whole(-1, 1 << 32),
        "target": _whole(-1, 255),
        "first": _whole(0, 1 << 16),  # of the rows whose arrays are sent, and the last
        "last": _whole(0, 1 << 16),
    },
    "ask": {"row": _whole(0, 1 << 16), "kind": _one_of("value", "delta"), "entry": _whole(0, 1 << 32)},
    "train": {"steps": _whole(0, 1 << 20)},
    "build": {"text": _text(editor.LONGEST)},
    "explain": {},
}


def read(text):
    """A request as a dict, checked. Raises OptionError for anything else."""
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        raise OptionError("a request must be JSON") from None
    if not isinstance(request, dict):
        raise OptionError("a request must be a JSON object")
    wanted = REQUESTS.get(request.get("do")) if isinstance(request.get("do"), str) else None
    if wanted is None:
        raise OptionError(f"a request must do one of {', '.join(REQUESTS)}")
    if not _whole(0, 1 << 53)(request.get("id")):
        raise OptionError("a request needs an id, a whole number")
    for name, can_be in wanted.items():
        if name not in request or not can_be(request[name]):
            raise OptionError(f"{request['do']} has no valid {name!r}")
    return {name: request[name] for name in ("do", "id", *wanted)}


def pixels(text, shape=None):
    """The bytes that were sent as base64, as an array of this shape, or else a square.

    Raises OptionError unless there are as many.
    """
    try:
        flat = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    except (binascii.Error, ValueError):
        raise OptionError("pixels must be base64") from None
    shape = shape or (math.isqrt(flat.size),) * 2
    if flat.size != math.prod(shape) or not flat.size:
        raise OptionError(f"expects {' x '.join(map(str, shape))} pixels, got {flat.size}")
    return flat.reshape(shape)


def answer(facts, arrays=()):
    """The bytes of an answer; numbers that are not finite are null in the JSON."""
    head = json.dumps(without_nan(facts), allow_nan=False, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 4)
    return b"".join([struct.pack("<I", len(head)), head, *(np.ascontiguousarray(a, "<f4").tobytes() for a in arrays)])
