"""The lecture's experiments: each is one command and one picture, and what it says is true."""

from pathlib import Path

import numpy as np
import pytest

from backprop.show import lessons


@pytest.fixture
def experiments(script, monkeypatch):
    """The module; its benchmark lies beside the scripts."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
    return script("experiments")


@pytest.fixture
def run(experiments, small_digits, tmp_path, capsys):
    def command(what, *more):
        arguments = [what, "--data", small_digits, "--out", tmp_path / "new" / f"{what}.png", *more]
        status = experiments.main(list(map(str, arguments)))
        captured = capsys.readouterr()
        return status, captured.out, tmp_path / "new" / f"{what}.png"

    return command


def test_it_stalls_at_the_entropy_and_is_cured(run, monkeypatch):
    drawn = {}
    monkeypatch.setattr(lessons, "losses", lambda curves, path, title, floor: drawn.update(curves, floor=floor))
    status, out, _ = run("stall", "--epochs", "8")
    assert status == 0 and out.count("test accuracy") == 4
    last = {name: np.mean(values[-5:]) for name, values in drawn.items() if name != "floor"}
    assert last["two biases"] > 0.95 * drawn["floor"]
    assert all(value < 0.5 * drawn["floor"] for name, value in last.items() if name != "two biases")


def test_the_trap_is_shown_both_ways(run):
    status, out, path = run("trap", "--epochs", "3")
    assert status == 0 and path.read_bytes().startswith(b"\x89PNG")
    assert "with the check off: the loss falls to" in out
    assert "puts out 784 scores, but the labels are of 10 classes: make it Linear(128, 10)" in out


def test_linear_layers_collapse_and_bent_ones_do_not(run, monkeypatch):
    drawn = []
    monkeypatch.setattr(lessons, "collapse", lambda *given: drawn.extend(given[:4]))
    assert run("collapse")[0] == 0
    one, stack, best, bent = drawn
    np.testing.assert_allclose(one, stack, atol=1e-13)
    assert np.abs(best - bent).max() > 0.1


def test_the_filters_before_training_are_those_that_were_trained(run, monkeypatch):
    drawn = []
    monkeypatch.setattr(lessons, "filters", lambda *given: drawn.extend(given))
    assert run("filters", "--epochs", "1")[0] == 0
    before, after, image, maps = drawn[:4]
    assert before.shape == after.shape == (6, 5, 5) and maps.shape == (6, 28, 28) and image.shape == (28, 28)
    assert 0 < np.abs(before - after).max() < 1
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.5


def test_the_cost_over_depth_is_measured_and_drawn(run, experiments, monkeypatch):
    monkeypatch.setattr(experiments.growth, "DEPTHS", [2, 3, 4, 5, 6])
    monkeypatch.setattr(experiments.growth, "BATCHES", [8, 16, 24, 32, 40])
    status, out, path = run("depth")
    assert status == 0 and path.exists() and "seconds over depth, naive" in out


@pytest.mark.parametrize("what", ["stall", "collapse", "filters"])
def test_every_picture_can_be_drawn(run, what):
    status, out, path = run(what, "--epochs", "1")
    assert status == 0 and path.stat().st_size > 20_000
    assert out.endswith(f"the picture is {path}\n")


def test_labels_of_curves_that_end_together_do_not_overlap():
    heights = lessons._apart({"a": 2.3, "b": 0.07, "c": 0.05, "d": 0.06}, 0.2)
    places = sorted(heights.values())
    assert min(np.diff(places)) >= 0.2 - 1e-12 and places[0] > 0
    assert heights["a"] == 2.3


def test_a_folder_without_data_is_an_error_that_says_so(experiments, tmp_path, capsys):
    assert experiments.main(["stall", "--data", str(tmp_path)]) == 1
    assert "has neither" in capsys.readouterr().err
