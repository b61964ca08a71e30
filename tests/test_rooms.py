"""No folder imports from one above it in the table of backprop/README.md."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "backprop"
ROWS = re.findall(r"^\| (.*?) \| .* \|$", (ROOT / "README.md").read_text(), re.MULTILINE)[2:]
FLOORS = [re.findall(r"\w+", re.sub(r"\(.*?\)|\.py", "", row)) for row in ROWS][::-1]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def used(path):
    """The rooms that a file imports from, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            whole, *parts = name.split(".")
            if whole == "backprop":
                yield parts[0] if parts and parts[0] in FLOOR else "__init__"
            assert whole != "data_tools", f"{path} imports data_tools"


def test_every_room_has_its_place():
    rooms = {room_of(path) for path in ROOT.rglob("*.py")}
    assert rooms == set(FLOOR) and len(rooms) < 16


@pytest.mark.parametrize("room", FLOOR)
def test_a_room_uses_only_what_stands_below_it(room):
    upward = [
        f"{path.relative_to(ROOT)} uses {other}"
        for path in ROOT.rglob("*.py")
        if room_of(path) == room
        for other in used(path)
        if other != room and FLOOR[other] >= FLOOR[room]
    ]
    assert upward == []
