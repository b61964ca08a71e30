"""What comes over the wire is checked before the engine sees it."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop.errors import OptionError
from backprop.lecture.live import wire
from tests.lecture.live.served import unpacked

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["do", "id", "row", "kind", "x"]), inner)
    ),
)


def test_an_answer_comes_back_with_all_its_numbers():
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.float64(0.5)]
    facts, numbers = unpacked(wire.answer({"id": 1, "what": "ü", "nan": float("nan")}, arrays))
    assert facts == {"id": 1, "what": "ü", "nan": None} and numbers.tolist() == [0, 1, 2, 3, 4, 5, 0.5]


@given(JSON)
def test_any_json_is_a_request_of_the_table_or_refused(value):
    try:
        request = wire.read(json.dumps(value))
        assert set(request) == {"do", "id", *wire.REQUESTS[request["do"]]}
    except OptionError:
        pass


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        "NaN",
        b"\xff\xfe",
        '{"do": "ask", "id": 1, "row": true, "kind": "value", "entry": 0}',
        '{"do": "ask", "id": 1, "row": -1, "kind": "value", "entry": 0}',
        '{"do": "ask", "id": 1, "row": 0, "kind": "__class__", "entry": 0}',
        '{"do": "ask", "id": 1, "row": 1e9, "kind": "value", "entry": 0}',
        '{"do": "train", "id": 1, "steps": 99999999999}',
        '{"do": "close", "id": 1}',
        '{"do": "hello", "id": "1"}',
        '{"do": "hello"}',
        '{"do": ["hello"], "id": 1}',
    ],
)
def test_these_are_refused(text):
    with pytest.raises(OptionError):
        wire.read(text)


def test_pixels_must_be_as_many_as_the_image_has():
    text = base64.b64encode(bytes(range(12))).decode()
    assert wire.pixels(text, (3, 2, 2))[2, 1, 1] == 11
    for wrong in (text[:-4], "!!", ""):
        with pytest.raises(OptionError):
            wire.pixels(wrong, (3, 2, 2))
    with pytest.raises(OptionError, match="expects 3 x 3 pixels, got 12"):
        wire.pixels(text)
