"""The commands as they are started: from a terminal that is closed, a pipe that ends, a batch system; and stopped."""

import gzip
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import backprop as bp
from backprop import columns
from backprop.lecture.examples import examples
from backprop.show.summary import as_typed
from backprop.training.progress import Progress
from data_tools import terminal

SCRIPTS = Path(__file__).parents[2] / "scripts"
TRAIN = [sys.executable, str(SCRIPTS / "train_mnist.py"), "--model", "linear"]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither signals nor terminals of this kind")


def until(read, words, seconds=300):
    """What `read()` gives, until the words are in it."""
    seen, end = b"", time.monotonic() + seconds
    while words not in seen and time.monotonic() < end:
        seen += read()
    assert words in seen, seen
    return seen


def hears_all():
    """In a child: no signal is ignored, although whoever runs the tests may have been started so."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@posix
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_run_that_is_asked_to_end_keeps_its_checkpoint(small_digits, tmp_path, number):
    command = [*TRAIN, "--data", small_digits, "--epochs", "100000", "--out", tmp_path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hears_all)
    until(lambda: os.read(process.stderr.fileno(), 1000), b"loss")
    process.send_signal(getattr(signal, number))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert json.loads((tmp_path / "metrics.json").read_text())["interrupted"]
    assert (tmp_path / "checkpoint.safetensors").exists()


@posix
def test_ctrl_c_while_kernels_compile_is_heard_at_once_and_does_not_wait_for_the_others(small_digits, tmp_path):
    command = [*TRAIN, "--model", "lenet", "--data", small_digits, "--out", tmp_path / "out"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment, "preexec_fn": hears_all}
    process = subprocess.Popen(command, **pipes)
    until(lambda: os.read(process.stderr.fileno(), 1000), b"compiling")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert b"stopping after this kernel" in errors and errors.count(b"compiling") < 5
    assert output.endswith(b"interrupted before the first step: nothing was learned, and nothing written\n")
    assert os.listdir(tmp_path / "out") == ["checkpoint.safetensors"]


def in_a_terminal(command):
    """(process, its screen) of a command in a terminal of 80 columns that is its own."""
    import fcntl
    import pty
    import struct
    import termios

    child, screen = pty.fork()
    if child == 0:
        hears_all()
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
        os.environ.pop("COLUMNS", None)
        os.execv(command[0], list(map(str, command)))
    return child, screen


@posix
def test_a_run_whose_terminal_is_closed_keeps_its_checkpoint_and_its_numbers(small_digits, tmp_path):
    command = [*TRAIN, "--data", small_digits, "--epochs", "100000", "--out", tmp_path]
    child, screen = in_a_terminal(command)
    until(lambda: os.read(screen, 1000), b"loss")
    os.close(screen)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert json.loads((tmp_path / "metrics.json").read_text())["interrupted"]


@posix
def test_bar_and_table_stand_unbroken_in_a_terminal_of_80_columns(small_digits, tmp_path):
    command = [*TRAIN, "--model", "cnn", "--data", small_digits, "--epochs", "2", "--out", tmp_path]
    child, screen = in_a_terminal(command)
    seen, end = b"", time.monotonic() + 600
    while time.monotonic() < end:
        select.select([screen], [], [], 60)
        try:
            seen += os.read(screen, 10_000)
        except OSError:  # the other end is closed
            break
    os.close(screen)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, seen
    lines = seen.decode().replace("\r\n", "\n").split("\n")
    shown = [line.rsplit("\r", 1)[-1] for line in lines if "runs/" not in line and str(tmp_path) not in line]
    tabled = [line for line in shown if line.startswith("  ")]
    assert len(tabled) == 16 and max(map(columns.width, tabled)) <= 80, tabled
    bars = [line for line in shown if line.startswith("epoch 2/2: 100%")]
    assert len(bars) == 1 and bars[0].endswith("%") and len(bars[0]) <= 80, bars


def test_where_nobody_reads_the_output_the_work_is_done_all_the_same(small_digits, tmp_path):
    command = [*TRAIN, "--data", small_digits, "--epochs", "1", "--out", tmp_path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    process.stderr.close()
    assert process.wait(timeout=300) == 0
    assert (tmp_path / "curves.png").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_the_letters_of_an_explanation_shows_question_marks(small_digits, tmp_path, encoding):
    command = [*TRAIN, "--data", small_digits, "--epochs", "1", "--explain", "--out", tmp_path]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    assert b"forward, read downward" in done.stdout


def test_a_full_disk_under_standard_output_is_an_error(monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", full)
        patched.setattr(sys, "stderr", sys.stderr)
        with pytest.raises(OSError, match="No space left"):
            terminal.run(lambda: print("x"))
        with pytest.raises(OSError):
            full.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_a_run_goes_on_after_its_data_were_moved_but_not_with_other_data(small_digits, tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(small_digits, data)
    command = [*TRAIN, "--epochs", "1", "--out", out, "--data"]
    assert subprocess.run([*command, data], capture_output=True, timeout=300).returncode == 0
    data.rename(tmp_path / "moved")
    done = subprocess.run([*command, tmp_path / "moved", "--resume"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "resumed after" in done.stdout, done.stderr
    labels = next((tmp_path / "moved").glob("train-labels*"))
    assert labels.suffix == ".gz"
    content = bytearray(gzip.decompress(labels.read_bytes()))
    content[-1] = (content[-1] + 1) % 10
    labels.write_bytes(gzip.compress(bytes(content)))
    done = subprocess.run([*command, tmp_path / "moved", "--resume"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "data was '" in done.stderr, done.stderr


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_every_script_has_help_and_does_nothing_else_then(script, tmp_path):
    command = [sys.executable, SCRIPTS / f"{script}.py", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("usage: "), done.stderr
    assert os.listdir(tmp_path) == []


def test_what_was_waited_for_is_no_time_of_training():
    with Progress(100) as shown:
        shown.bar.start_t -= 110  # ten seconds of training
        shown.note("compiling")
        shown._noted -= 100
        shown.add(50, [1.0], [1], [1], [1])
        assert shown.bar.format_dict["elapsed"] == pytest.approx(10, abs=1)


def test_the_table_of_a_network_shows_each_layer_as_it_is_typed():
    for example in examples():
        if type(example.module).__module__.startswith("backprop.layers") and not example.module.children():
            typed = as_typed(example.module)
            again = eval(typed, dict(vars(bp)))
            assert again.extra_repr() == example.module.extra_repr(), typed
            assert len(typed) <= len(f"{type(again).__name__}({again.extra_repr()})")


def test_a_narrow_terminal_is_spared_columns_and_halves_stand_under_each_other(monkeypatch):
    net, x = bp.Sequential(bp.Linear(3, 2), bp.Tanh()), np.ones((2, 3))
    net.to(np.float64)
    with bp.use_kernels("reference"):
        made = bp.gradcheck(net, x), bp.explain(net, x, np.zeros((2, 2)), bp.MSELoss()), bp.trace(np.sin, 1.0)
    wide = [str(each) for each in made]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    for text, narrow in zip(wide, [str(each) for each in made], strict=True):
        assert all(columns.width(line) <= 80 for line in narrow.splitlines() if not line.startswith("on its way")), (
            narrow
        )
        assert len(narrow.splitlines()) >= len(text.splitlines())


def test_the_half_of_an_explanation_that_stands_below_names_its_layers_at_every_width(monkeypatch):
    net, x = bp.Sequential(bp.Linear(3, 2), bp.Tanh()), np.ones((2, 3), np.float32)
    with bp.use_kernels("reference"):
        seen = bp.explain(net, x, np.zeros((2, 2), np.float32), bp.MSELoss())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for room in range(60, 200):
        monkeypatch.setenv("COLUMNS", str(room))
        lines = str(seen).splitlines()
        below = [line for line, above in zip(lines[1:], lines, strict=False) if above == "backward, read upward"]
        assert all(line.startswith("layer") for line in below), room
