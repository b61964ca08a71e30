"""The grader: each answer of a folder in a process of its own, with a time limit."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from backprop.lecture.exercises.blanks import file_of, names

SECONDS = 60.0
MOST_LINES, MOST_PRINTED = 8, 1 << 20  # of an answer's output: lines that are shown, bytes that are read


class Grade(NamedTuple):
    """The result for one answer.

    status    "right", "WRONG", "not written", "fails", "no answer" (its process died) or "endless"
    arrays    path of each array -> "right", "WRONG" or "not written"
    lines     what is wrong, and what to look at
    printed   what the answer printed
    """

    layer: str
    status: str
    arrays: dict = {}
    lines: list = []
    printed: str = ""

    @property
    def ok(self):
        return self.status == "right"

    def __str__(self):
        arrays = ", ".join(f"{path} {verdict}" for path, verdict in self.arrays.items())
        text = [f"{self.layer:18}{self.status:13}{arrays}".rstrip(), *[f"    {line}" for line in self.lines]]
        printed = self.printed.strip().splitlines()
        if printed:
            more = [f"and {len(printed) - MOST_LINES} more lines"] if len(printed) > MOST_LINES else []
            text += ["    it prints:", *[f"    | {_plain(line[:100])}" for line in [*printed[:MOST_LINES], *more]]]
        return "\n".join(text)


def _plain(text):
    """The text without control characters, which could move a terminal's cursor."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def answers(folder):
    """The layers for which there is an answer in `folder`, those of DEFAULT first."""
    return [name for name in names() if (Path(folder) / file_of(name)).is_file()]


def check(folder, names, seconds=SECONDS):
    """Yield the Grade of each of the layers `names`, whose answers are files in `folder`."""
    for name in names:
        path = Path(folder).resolve() / file_of(name)
        try:
            yield _graded(path, name, seconds)
        except Exception as error:  # whatever an answer has done, the next one is graded
            yield Grade(name, "no answer", lines=[f"it cannot be graded: {type(error).__name__}: {error}"])


def _graded(path, name, seconds):
    """The files for the result and the output are opened here, so an answer may rename or delete them."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room:
        with open(Path(room) / "result", "w+b") as result, open(Path(room) / "output", "w+b") as output:
            command = [sys.executable, "-m", "backprop.lecture.exercises.grading", str(path), name, result.name]
            paths = [place for place in sys.path if place]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=room,  # so that a json.py beside the answers is not imported
                start_new_session=True,
            )
            try:
                process.wait(seconds)
                ended = True
            except subprocess.TimeoutExpired:
                ended = False
            finally:
                _end(process)
            output.seek(0)
            text = output.read(MOST_PRINTED).decode(errors="replace")
            found = _read(result)
        if not ended:
            words = f"it did not end within {seconds:g} seconds: is there a loop that never ends?"
            return Grade(name, "endless", lines=[words], printed=text)
        if found is None:
            code = process.returncode
            how = f"by signal {-code}, {signal.strsignal(-code)}" if code < 0 else f"with exit status {code}"
            return Grade(name, "no answer", lines=[f"its process ended {how}, before it could be judged"], printed=text)
        return Grade(name, found["status"], found["arrays"], found["lines"], text)


def _read(file):
    """The result that was written, or None if it is not valid. Without arrays no answer can be right."""
    try:
        file.seek(0)
        found = json.loads(file.read(MOST_PRINTED))
        arrays, lines = found["arrays"], found["lines"]
        sound = all(isinstance(text, str) for text in (found["status"], *arrays, *arrays.values(), *lines))
        right = found["status"] != "right" or (arrays and set(arrays.values()) == {"right"})
        return found if sound and right else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _end(process):
    """Kill the process and all that it has started, except what has made a session of its own."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
