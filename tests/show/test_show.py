"""Tables and pictures: what they say, and that they survive odd histories."""

from types import SimpleNamespace

import numpy as np
import pytest

import backprop as bp
from backprop import columns
from backprop.models.networks import MODELS
from backprop.show import inside, plots
from backprop.show.figure import dark
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
    assert [axes.get_title() for axes in figures[0].axes] == ["said 1, 80%, is 0", "said 1, 60%, is 0"]
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


def test_the_mean_of_a_curve_is_centred_and_ends_where_the_curve_ends():
    assert plots.centred_mean([1.0, 2, 6, 3, 8], 3).tolist() == [1.5, 3, 11 / 3, 17 / 3, 5.5]
    steps = np.arange(50.0)
    assert np.allclose(plots.centred_mean(steps, 11)[5:-5], steps[5:-5])  # a straight line stays where it is
    assert plots.centred_mean([], 1).tolist() == []


def test_a_first_spike_that_would_hide_the_rest_gets_a_logarithmic_scale(monkeypatch, tmp_path):
    figures = drawn(monkeypatch)
    plots.curves(History(losses=[300.0] * 5 + [0.5] * 95), tmp_path / "c.png", "title")
    plots.curves(History(losses=[2.3] * 50 + [1.5] * 50), tmp_path / "c.png", "title")
    plots.curves(History(losses=[2.3, 0.0] * 50), tmp_path / "c.png", "title")
    assert [figure.axes[0].get_yscale() for figure in figures] == ["log", "linear", "linear"]


def test_one_epoch_is_drawn_as_epoch_one(monkeypatch, tmp_path):
    figures = drawn(monkeypatch)
    history = History(losses=[2.0, 1.0] * 40, epochs=[Epoch(1.5, 0.5, 1.4, 0.6, 1.0)])
    plots.curves(history, tmp_path / "c.png", "title")
    axes = figures[0].axes[1]
    assert axes.get_xlim() == (0.5, 1.5) and [tick for tick in axes.get_xticks() if 0.5 < tick < 1.5] == [1]


def test_a_title_says_how_many_of_the_units_are_drawn(monkeypatch, tmp_path):
    figures = drawn(monkeypatch)
    plots.weights(np.ones((128, 16)), (4, 4), tmp_path / "w.png", "title")
    plots.weights(np.ones((64, 16)), (4, 4), tmp_path / "w.png", "title")
    assert [figure.get_suptitle() for figure in figures] == ["title; 64 of 128 units", "title"]


def test_all_filters_that_read_the_image_are_found():
    image = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    shapes = {name: [w.shape for _, w in inside.first_convolutions(MODELS[name](), image)] for name in MODELS}
    assert shapes["branches"] == [(8, 1, 3, 3), (8, 1, 7, 7)] and shapes["lenet"] == [(6, 1, 5, 5)]
    assert shapes["resnet"] == [(16, 1, 3, 3)] and shapes["mlp"] == []


@pytest.mark.parametrize("suffix, start", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures_have_the_format_of_their_suffix_light_or_dark(suffix, start, tmp_path):
    layers = [("0 Conv2d", np.random.default_rng(0).standard_normal((4, 1, 3, 3)))]
    for on_dark in (False, True):
        path = tmp_path / f"{on_dark}.{suffix}"
        with dark(on_dark):
            inside.filters(layers, path, "title")
            plots.curves(History(losses=[2.0, 1.0] * 40), path, "title", floor=1.9)
        assert path.read_bytes().startswith(start)
    if suffix == "svg":
        light, black = ((tmp_path / f"{name}.svg").read_text() for name in ("False", "True"))
        assert "#14181f" in black and "#14181f" not in light and "#2563a8" in light and "#2563a8" not in black


@pytest.mark.parametrize("model", MODELS)
def test_tables_fit_a_terminal_of_80_columns(model, monkeypatch):
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("shutil.get_terminal_size", lambda: SimpleNamespace(columns=80))
    net, x = MODELS[model](), np.random.default_rng(0).random((4, 1, 28, 28), np.float32)
    seen = bp.explain(net, x, np.arange(4), bp.CrossEntropyLoss(), repeats=1)
    tables = summary(net, (64, 1, 28, 28)), str(seen)
    assert [line for text in tables for line in text.splitlines() if len(line) > 80] == []
    assert "neither" in str(seen) or "vanishes" in str(seen) or model == "linear"
    assert "parameters" in tables[0] and "total" in tables[0]


def test_what_has_no_room_is_cut_in_the_widest_column(monkeypatch):
    monkeypatch.setattr(columns, "room", lambda: 30)
    lines = columns.table([("layer", "call", "size"), ("0", "Conv2d(16, 16, 3, padding=1)", "123")], indent="")
    assert lines == ["layer  call               size", "0      Conv2d(16, 16, 3…  123"]
    monkeypatch.setattr(columns, "room", lambda: 5)
    assert len(columns.table([("a", "b"), ("x" * 40, "y" * 40)], indent="")[1]) == 2 * columns.LEAST + 2
