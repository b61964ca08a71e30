"""The benchmark: rivals that compute something else are not timed; every rung of the ladders is run."""

import importlib
import json
import sys
from pathlib import Path

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
    [("gemm", ("tn", 5, 4, 7)), ("conv", ("input", 2, 3, 3, 1, 6)), ("step", ("mlp128",)), ("step", ("lenet",))],
)
def test_players_compute_the_same_numbers_and_take_turns(turns, players, kind, sizes):
    times = turns.race(players, kind, sizes, rounds=3)
    assert "ours" in times and all(0 < t.low <= t.median <= t.high for t in times.values())
    assert ("NumPy" in times) == (kind == "gemm" or sizes == ("mlp128",))


class Liar:
    """A player whose numbers are a little off."""

    name = "liar"

    def __init__(self, honest):
        self.honest = honest

    def prepare(self, kind, sizes):
        return [array * (1 + 1e-2) for array in self.honest.prepare(kind, sizes)]


def test_a_player_with_other_numbers_is_refused(turns, players):
    with pytest.raises(RuntimeError, match="ours and liar computed different numbers: gemm"):
        turns.race([players[0], Liar(players[0])], "gemm", ("nn", 3, 4, 5))


def test_the_ladder_runs_every_rung_and_is_drawn(turns, script, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    assert script("bench").main(["ladder", "--rounds", "1", "--out", str(tmp_path)]) == 0
    rungs = json.loads((tmp_path / "ladder.json").read_text())["rungs"]
    assert [rung["ladder"] for rung in rungs] == ["peak"] + ["product"] * 6 + ["convolution"] * 4
    assert all(rung["gflops"] > 0 for rung in rungs)
    assert (tmp_path / "ladder.png").stat().st_size > 10_000
    assert "of one core's peak" in capsys.readouterr().out
