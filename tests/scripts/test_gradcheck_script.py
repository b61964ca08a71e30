"""The gradient check's command line."""

import pytest

from backprop import functional as F
from backprop.layers import Tanh
from backprop.lecture.examples import examples


@pytest.mark.parametrize("kernels", ["reference", "cpu"])
def test_every_layer_and_loss_is_within_tolerance(script, capsys, kernels):
    assert script("gradcheck").main(["--kernels", kernels]) == 0
    out = capsys.readouterr().out
    assert f"{len(examples())} of {len(examples())} ok: {kernels} kernels, float64" in out
    for name in ("Linear(", "CrossEntropyLoss(", "complex step", "rel error", "worst at"):
        assert name in out


def test_one_layer_can_be_chosen_and_float32_compared(script, capsys):
    assert script("gradcheck").main(["--layer", "Linear", "--dtype", "float32"]) == 0
    out = capsys.readouterr().out
    assert "3 of 3 ok: cpu kernels, float32" in out
    assert "ReLU" not in out


def test_a_wrong_layer_is_told_by_the_exit_status(script, capsys, monkeypatch):
    monkeypatch.setattr(F, "tanh_backward", lambda delta, a: delta * (1 - a))
    assert script("gradcheck").main(["--layer", Tanh.__name__]) == 1
    out = capsys.readouterr().out
    assert "WRONG" in out
    assert "0 of 1 ok" in out


def test_an_unknown_layer_is_answered_with_the_known_ones(script, capsys):
    with pytest.raises(SystemExit):
        script("gradcheck").main(["--layer", "Conv9d"])
    assert "no layer is called 'Conv9d'; there are Linear, Bias, Flatten, Unflatten" in capsys.readouterr().err


def test_the_sweep_is_drawn(script, tmp_path, capsys):
    path = tmp_path / "sweep.png"
    assert script("gradcheck").main(["--sweep", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.strip() == str(path)
