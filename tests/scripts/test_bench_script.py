"""The benchmark: rivals that compute something else are not timed; every rung of the ladders is run."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(scope="module")
def turns():
    """The race; its package lies beside the scripts."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        return importlib.import_module("benchmarks.turns")
    finally:
        sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def players(turns):
    """Us, NumPy and, where it is installed, PyTorch."""
    found = [turns.Player(name, threads=1) for name in ("ours", "NumPy", "PyTorch")]
    yield [player for player in found if not player.missing]
    for player in found:
        player.close()


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("gemm", ("tn", 5, 4, 7)),
        ("conv", ("input", 2, 3, 3, 1, 6)),
        ("step", ("mlp128",)),
        ("step", ("lenet",)),
        ("epoch", ("mlp128",)),
    ],
)
def test_players_compute_the_same_numbers_and_take_turns(turns, players, kind, sizes):
    times = turns.race(players, kind, sizes, rounds=3, before=1 if kind == "epoch" else 3)
    assert "ours" in times and all(0 < t.low <= t.median <= t.high for t in times.values())
    assert ("NumPy" in times) == (kind == "gemm" or sizes == ("mlp128",))


class Liar:
    """A player whose numbers are off by a factor."""

    name = "liar"

    def __init__(self, honest, factor):
        self.honest, self.factor = honest, factor

    def prepare(self, kind, sizes, before=3):
        return [array * self.factor for array in self.honest.prepare(kind, sizes, before)]


@pytest.mark.parametrize("lie", [1 + 1e-2, np.nan])
def test_a_player_with_other_numbers_is_refused(turns, players, lie):
    ours, liar = players[0], Liar(players[0], lie)
    with pytest.raises(RuntimeError, match="ours and liar computed different numbers: gemm"):
        turns.race([ours, liar], "gemm", ("nn", 3, 4, 5))
    found = "liar" if np.isnan(lie) else "ours"  # NaN is not even what it is itself
    with pytest.raises(RuntimeError, match=f"liar and {found}.* computed different numbers: gemm"):
        turns.race([liar, ours], "gemm", ("nn", 3, 4, 5))


def test_a_rival_with_other_numbers_is_left_out_where_another_agrees_with_ours(turns, players, capsys):
    times = turns.race([players[0], Liar(players[0], 1.01), players[1]], "gemm", ("nn", 3, 4, 5), rounds=1)
    assert set(times) == {"ours", players[1].name}
    assert "ours and liar computed different numbers" in capsys.readouterr().err


def test_works_that_nobody_else_can_do_are_left_out(turns, script, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    bench = script("bench")
    monkeypatch.setattr(bench.turns, "RIVALS", {"ours": ("ours", {}), "NumPy": ("with_numpy", {})})
    monkeypatch.setitem(bench.RACES, "conv", lambda: [("one", ("forward", 1, 1, 1, 0, 2))])
    assert bench.main(["conv", "--rounds", "1", "--out", str(tmp_path)]) == 0
    assert "conv one: nobody to race" in capsys.readouterr().err


def test_the_ladder_runs_every_rung_and_is_drawn(turns, script, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    assert script("bench").main(["ladder", "--rounds", "1", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "ladder.json").read_text())
    rungs = found["rungs"]
    assert [rung["ladder"] for rung in rungs] == ["peak"] + ["product"] * 6 + ["convolution"] * 4
    assert all(rung["gflops"] > 0 for rung in rungs)
    assert [row["what"][:4] for row in found["scaling"]] == ["512 ", "1024", "2048", "conv"]
    assert all(row["one"] > 0 and row["all"] > 0 for row in found["scaling"])
    assert (tmp_path / "ladder.png").stat().st_size > 10_000
    assert "of one core's peak" in capsys.readouterr().out


def test_a_player_tells_how_much_memory_it_took(players):
    """As much as Python with NumPy at least, and no more than there is."""
    assert all(2e7 < player.peak_memory() < 1e11 for player in players)


def test_depth_is_measured_and_drawn(turns, script, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    bench = script("bench")
    monkeypatch.setattr(bench.depth, "DEPTHS", [2, 4, 8])
    monkeypatch.setattr(bench.depth, "BATCHES", [64, 128])
    assert bench.main(["depth", "--rounds", "1", "--out", str(tmp_path)]) == 0
    growth = json.loads((tmp_path / "depth.json").read_text())
    held = growth["bytes over batch"]
    assert held["128"] == pytest.approx(2 * held["64"], rel=0.1)
    two, four, eight = (growth["bytes over depth"][depth] for depth in "248")
    assert eight - four == pytest.approx(2 * (four - two), rel=0.1)  # what is there at any depth is left out
    assert (tmp_path / "depth.png").stat().st_size > 10_000
    assert "seconds over depth, naive" in capsys.readouterr().out


def test_the_slope_is_the_power_with_which_values_grow(turns, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    depth = importlib.import_module("benchmarks.depth")
    sizes = [2, 4, 8, 16, 32, 64]
    assert depth.slope(sizes, [7 * size**2 for size in sizes]) == pytest.approx(2)
    assert depth.slope(sizes, [1000, *sizes[1:]]) == pytest.approx(1)  # the smallest does not count


def test_imports_are_timed_and_what_is_missing_left_out(turns, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    start = importlib.import_module("benchmarks.start")
    found = start.imports(rounds=1)
    assert {"numba", "backprop"} <= found.keys() and all(seconds > 0 for seconds in found.values())


def test_first_steps_begin_without_kernels_and_then_with_them(turns, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    start = importlib.import_module("benchmarks.start")
    (found,) = start.first_steps(["linear"]).values()
    first, *others = found.values()
    assert first.compiled > 5 and all(wait.compiled == 0 and wait.seconds < first.seconds for wait in others)


def test_steps_are_raced_beside_a_busy_process_and_against_another_checkout(turns, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    busy, report = (importlib.import_module(f"benchmarks.{name}") for name in ("busy", "report"))
    found = busy.measure(1, other=SCRIPTS.parent, models=["mlp128"], loads=[1], threads=[1])
    assert [*found] == [("mlp128", 1)] and [*found["mlp128", 1]] == [("ours", 1), ("before", 1)]
    report.print_busy(found)
    assert "  mlp128     1  " in capsys.readouterr().out


def test_without_a_gpu_the_race_on_one_says_what_is_missing(turns, monkeypatch):
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    command = [sys.executable, str(SCRIPTS / "bench.py"), "cuda"]
    done = subprocess.run(command, env=environment | {"CUDA_VISIBLE_DEVICES": "-1"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no GPU found: looked for NVIDIA's driver")


@pytest.mark.parametrize(
    ("kind", "sizes"), [("gemm", ("tn", 5, 4, 7)), ("gemm", ("nn", 3, 4, 5)), ("gemm", ("nt", 3, 4, 5))]
)
def test_our_player_for_a_gpu_computes_the_numbers_of_the_others(turns, players, kind, sizes):
    pytest.importorskip("numba.cuda")
    gpu = importlib.import_module("benchmarks.gpu")
    player = turns.Player("ours", 1, gpu.RIVALS)
    try:
        times = turns.race([player, *players[1:]], kind, sizes, rounds=1, before=1)
    finally:
        player.close()
    assert {"ours", "NumPy"} <= times.keys()


def test_our_player_for_a_gpu_trains_as_the_one_for_the_cpu(monkeypatch):
    """A network of its own: the simulator would take minutes for one that is raced."""
    pytest.importorskip("numba.cuda")
    monkeypatch.syspath_prepend(str(SCRIPTS))
    workload = importlib.import_module("benchmarks.workload")
    monkeypatch.setitem(workload.MODELS, "tiny", [("flatten",), ("linear", 4, 3), ("relu",), ("linear", 3, 10)])
    monkeypatch.setattr(workload, "BATCH", 4)
    batch = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 1, 2, 2), np.arange(4)
    monkeypatch.setattr(workload, "batch", lambda: batch)
    monkeypatch.setattr(
        workload, "data", lambda: (np.tile(np.arange(16, dtype=np.uint8), 3).reshape(12, 1, 2, 2), np.arange(12) % 10)
    )
    here, there = (importlib.import_module(f"benchmarks.players.{name}") for name in ("ours", "ours_cuda"))
    (step, result), (steps, results) = here.step("tiny"), there.steps("tiny", 8)
    for _ in range(1 + 8):
        step()
    steps()
    for mine, its in zip(result(), results(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)
    host, seconds = there.host("tiny", 8)
    host()
    assert all(0 < part < 10 for part in seconds()[0])
    (one, last), (other, lasts) = here.epoch("tiny"), there.epoch("tiny")
    one(), other()
    np.testing.assert_allclose(last(), lasts(), rtol=1e-5)


def test_the_ladder_on_a_gpu_checks_and_times_every_rung(monkeypatch, capsys):
    pytest.importorskip("numba.cuda")
    monkeypatch.syspath_prepend(str(SCRIPTS))
    gpu, report = (importlib.import_module(f"benchmarks.{name}") for name in ("gpu", "report"))
    rungs = gpu.ladder(1, side=8, conv=(1, 2, 2, 2, 4))
    names = [(what, rung.split(",")[0]) for what, rung, _ in rungs]
    assert names[:2] == [("product", "textbook"), ("product", "shared memory")]
    assert names[-2:] == [("convolution", "textbook"), ("convolution", "implicit product")]
    assert all(rate > 0 for *_, rate in rungs)
    report.print_gpu("a GPU", {"mlp128": [2e-6, 1e-6]}, rungs)
    out = capsys.readouterr().out
    assert "implicit product" in out and "2.00" in out and "while it waits" in out
