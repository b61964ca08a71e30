"""Several ranks are measured in turns, and a model is fitted to what their all-reduces take."""

import importlib
import json
import math
import sys
from pathlib import Path

import pytest

from tests.training.parallel.mpi import command

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(scope="module")
def parts():
    """(measure, model, pages) of the benchmark, and bench.py itself; they lie beside the scripts."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        names = *(f"benchmarks.parallel.{name}" for name in ("measure", "model", "pages")), "bench"
        return [importlib.import_module(name) for name in names]
    finally:
        sys.path.remove(str(SCRIPTS))


def test_the_fitted_line_is_the_one_that_all_reduces_were_made_with(parts):
    measure, model, *_ = parts
    line = model.Line(7e-6, 3e9)
    found = model.fitted([(size, model.reduction(line, 2, size)) for size in measure.SIZES])
    assert found.latency == pytest.approx(7e-6, rel=1e-4) and found.bandwidth == pytest.approx(3e9, rel=1e-4)


@pytest.mark.parametrize(
    ("ranks", "size", "rounds", "traffic"),
    [(2, 100, 1, 1), (8, 100, 3, 3), (8, 1 << 20, 6, 1.75), (1024, 1 << 20, 20, 2)],
)
def test_an_all_reduce_costs_what_the_page_says(ranks, size, rounds, traffic, parts):
    assert parts[1].rounds_and_traffic(ranks, size) == pytest.approx((rounds, traffic), rel=1e-2)


def test_efficiency_falls_with_ranks_and_bytes_and_rises_with_compute(parts):
    model = parts[1]
    line = model.LINES["Ethernet, 10 Gbit/s"]
    by_ranks = [model.efficiency(line, 0.01, 1 << 20, ranks) for ranks in model.RANKS]
    assert by_ranks == sorted(by_ranks, reverse=True) and 0 < by_ranks[-1] < 1
    assert model.efficiency(line, 0.1, 1 << 20, 64) > model.efficiency(line, 0.01, 1 << 22, 64)
    assert math.isclose(model.efficiency(line, 1.0, 0, 2), 1.0, rel_tol=1e-4)


def test_ranks_are_measured_printed_and_drawn(parts, tmp_path, capsys, monkeypatch):
    measure, _, _, bench = parts
    command(2)  # or it is skipped
    monkeypatch.setattr(measure, "NETWORKS", {"mlp128": (64,)})
    monkeypatch.setattr(measure, "SIZES", [64, 1 << 16])
    monkeypatch.setattr(measure, "SHORTEST", 0.01)
    monkeypatch.setattr(measure, "SLOW", "TCP")  # a line whose bandwidth is set needs a superuser
    monkeypatch.setattr(measure.steps, "__defaults__", (measure.NETWORKS,))
    assert bench.main(["parallel", "--rounds", "1", "--out", str(tmp_path)]) == 0
    kept = json.loads((tmp_path / "parallel.json").read_text())
    assert {"one process, no shards, 1 thread", "1 rank, 1 thread"} <= {step["setting"] for step in kept["steps"]}
    assert all(step["seconds"] > 0 for step in kept["steps"]) and kept["bytes"]["mlp128"] == 407080
    assert all(seconds > 0 for found in kept["reductions"].values() for _, seconds in found)
    assert (tmp_path / "parallel.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out
    assert "an all-reduce of" in said and "efficiency of" in said and "1.00 x" in said
