"""The grader: each answer of a folder in a process of its own, with a time in which it must end."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import backprop as bp
from backprop.exercises.blanks import DEFAULT, file_of

SECONDS = 60.0
MOST_LINES = 8  # of what an answer prints


class Grade(NamedTuple):
    """What became of one answer.

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
            more = [f"and {len(printed) - MOST_LINES} lines more"] if len(printed) > MOST_LINES else []
            text += ["    it prints:", *[f"    | {line[:100]}" for line in [*printed[:MOST_LINES], *more]]]
        return "\n".join(text)


def answers(folder):
    """The layers for which there is an answer in `folder`, in the order in which the package names them."""
    names = [name for name, kind in vars(bp).items() if isinstance(kind, type) and issubclass(kind, bp.Module)]
    there = [name for name in names if (Path(folder) / file_of(name)).is_file()]
    return sorted(there, key=lambda name: DEFAULT.index(name) if name in DEFAULT else len(DEFAULT))


def check(folder, names, seconds=SECONDS):
    """Yield the Grade of each of the layers `names`, whose answers are files in `folder`."""
    for name in names:
        path = Path(folder).resolve() / file_of(name)
        yield _graded(path, name, seconds)


def _graded(path, name, seconds):
    with tempfile.TemporaryDirectory() as room:
        result, output = Path(room) / "result.json", Path(room) / "output.txt"
        command = [sys.executable, "-m", "backprop.exercises.grading", str(path), name, str(result)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"}
        with output.open("wb") as printed:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            try:
                process.wait(seconds)
                ended = True
            except subprocess.TimeoutExpired:
                ended = False
            finally:
                _end(process)
        text = output.read_text(encoding="utf-8", errors="replace")
        if not ended:
            words = f"it did not end within {seconds:g} seconds: is there a loop that never ends?"
            return Grade(name, "endless", lines=[words], printed=text)
        found = _read(result)
        if found is None:
            code = process.returncode
            how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
            return Grade(name, "no answer", lines=[f"its process ended {how}, before it could be judged"], printed=text)
        return Grade(name, found["status"], found.get("arrays", {}), found.get("lines", []), text)


def _read(result):
    try:
        found = json.loads(result.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) and isinstance(found.get("status"), str) else None
    except (OSError, ValueError):
        return None


def _end(process):
    """The process, and all that it has started, end now."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
