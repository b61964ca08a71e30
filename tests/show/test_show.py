"""Tables and pictures: what they say, and that they survive odd histories."""

import numpy as np
import pytest

import backprop as bp
from backprop.show import plots
from backprop.show.run import confusion_matrix, label_entropy
from backprop.show.summary import summary
from backprop.show.sweep import sweep
from backprop.training.history import Epoch, History


def test_summary_counts_each_parameter_once_and_leaves_the_network_alone():
    shared = bp.Linear(4, 4)
    net = bp.Sequential(shared, bp.ReLU(), bp.Sequential(shared))
    text = summary(net, (8, 4))
    assert "2.0    Linear(4, 4)" in text
    assert text.splitlines()[-2].split() == ["total", "20"]
    assert "(8, 4)" in text
    assert net.call is None
    assert "?" in summary(net)
    assert summary(net).endswith("A step of training is recorded once, then replayed.")
    net.register_forward_hook(lambda *args: None)
    assert "runs layer by layer: Sequential has hooks" in summary(net)


def test_confusion_matrix_by_hand():
    matrix = confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 700]), 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_label_entropy_by_hand():
    assert label_entropy(np.array([0, 1, 3, 3])) == pytest.approx(1.5 * np.log(2))


@pytest.mark.parametrize(
    "history",
    [
        History(),
        History(losses=[2.0]),
        History(losses=[2.0, 1.0] * 40, epochs=[Epoch(1.5, 0.5, None, None, 1.0)]),
        History(losses=[2.3] * 400, epochs=[Epoch(2.3, 0.1, 2.3, 0.1, 1.0)] * 2, interrupted=True),
    ],
    ids=["nothing", "one step", "no test set", "stalled"],
)
def test_curves_can_be_drawn_from_any_history(history, tmp_path):
    assert plots.curves(history, tmp_path / "c.png", "title", floor=2.3).stat().st_size > 5000


def drawn(monkeypatch):
    """The figures that are saved from now on."""
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *where, **how: figures.append(figure))
    return figures


def test_the_entropy_of_the_labels_is_a_dashed_line_with_its_meaning(monkeypatch, tmp_path):
    figures = drawn(monkeypatch)
    plots.curves(History(losses=[2.3] * 400), tmp_path / "c.png", "title", floor=2.301)
    (axes, _) = figures[0].axes
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [line.get_ydata()[0] for line in dashed] == [2.301]
    assert "knows only class frequencies: entropy 2.301" in [text.get_text() for text in axes.texts]


def test_mistakes_are_shown_with_the_most_confident_first(monkeypatch, tmp_path):
    figures = drawn(monkeypatch)
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
    plots.mistakes(np.zeros((4, 28, 28), np.uint8), np.array([0, 0, 0, 1]), probabilities, tmp_path / "m.png")
    assert [axes.get_title() for axes in figures[0].axes] == ["0 taken for 1\nwith 80.0%", "0 taken for 1\nwith 60.0%"]
    assert figures[0].get_suptitle() == "the 2 most confident mistakes of 2"


def test_mistakes_can_be_drawn_where_there_are_none(tmp_path):
    images, labels = np.zeros((2, 28, 28), np.uint8), np.array([0, 1])
    assert plots.mistakes(images, labels, np.eye(2), tmp_path / "m.png").exists()


def test_the_sweep_shows_truncation_round_off_and_a_complex_step_without_either():
    steps = np.array([1e-2, 1e-4, 1e-8, 1e-13, 1e-30])
    errors = sweep(np.exp, np.e, 1.0, steps)
    one_sided, central, exact = errors.values()
    np.testing.assert_allclose(one_sided[:2], steps[:2] / 2, rtol=0.05)
    np.testing.assert_allclose(central[0], steps[0] ** 2 / 6, rtol=0.01)
    assert min(one_sided[3], central[3]) > 1e-5
    assert exact[2:].max() < 1e-15
