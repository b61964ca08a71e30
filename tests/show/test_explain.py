"""A network that explains itself: what it says is what happened, and it changes nothing."""

import json
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import backprop as bp
from backprop.columns import width
from backprop.lecture.examples import examples
from backprop.models.blocks import Residual, RowByRow, Unrolled
from backprop.models.networks import MODELS
from backprop.show.explain import Explanation, Row, cost, explain, pictures
from backprop.show.explain.diary import Diary
from backprop.show.explain.table import bars, cells, short
from backprop.show.explain.watching import norm
from backprop.training.fit import fit


def batch(rng, *shape, classes=10):
    return rng.random(shape, np.float32), np.arange(shape[0]) % classes


def deep(activation, scale=None, layers=20, width=32):
    """A chain of `layers` Linear layers; with `scale` their weights have the variance scale / in_features."""
    net = bp.Sequential(bp.Linear(width, width))
    for _ in range(layers - 1):
        net.append(activation()).append(bp.Linear(width, width))
    if scale:
        for layer in net:
            if isinstance(layer, bp.Linear):
                layer.weight.data[...] = np.random.default_rng(0).normal(0, (scale / width) ** 0.5, (width, width))
    return net


def test_every_number_is_the_one_that_a_plain_pass_gives(rng):
    net, loss = bp.Sequential(bp.Linear(5, 4), bp.Tanh(), bp.Linear(4, 3)), bp.CrossEntropyLoss()
    x, y = batch(rng, 7, 5, classes=3)
    seen = explain(net, x, y, loss)

    values, deltas = [x], []
    for layer in net:
        values.append(layer(values[-1]))
    L = loss(values[-1], y)
    deltas.append(loss.backward())
    for layer in reversed(net.layers):
        deltas.insert(0, layer.backward(deltas[0]))

    norm = np.linalg.norm
    assert seen.loss == pytest.approx(L)
    assert [row.path for row in seen.rows] == ["input", "0", "1", "2", "loss"]
    assert [row.shape for row in seen.rows] == [(7, 5), (7, 4), (7, 4), (7, 3), ()]
    np.testing.assert_allclose([row.norm for row in seen.rows], [*map(norm, values), L], rtol=1e-6)
    np.testing.assert_allclose([row.delta for row in seen.rows], [*map(norm, deltas), 1], rtol=1e-6)
    for row, layer in ((seen.rows[1], net[0]), (seen.rows[3], net[2])):
        expected = {name: norm(p.grad) for name, p in layer.named_parameters()}
        assert row.gradients == pytest.approx(expected, rel=1e-5)
        assert row.parameters == pytest.approx({name: norm(p.data) for name, p in layer.named_parameters()})
    assert seen.rows[0].seconds is None and all(min(row.seconds) > 0 for row in seen.rows[1:])


def test_the_values_have_the_slides_names():
    x, y = np.ones((2, 1, 28, 28), np.float32), np.array([1, 2])
    values = [row.value for row in explain(MODELS["lenet"](), x, y, bp.CrossEntropyLoss(), repeats=0).rows]
    assert values[:6] == [
        "a₀",
        "u₁ = X₁ ⋆ a₀ + μ₁",
        "a₁ = relu(u₁)",
        "a₁′ = MaxPool2d(a₁)",
        "u₂ = X₂ ⋆ a₁′ + μ₂",
        "a₂ = relu(u₂)",
    ]
    assert values[-2:] == ["u₅ = a₄X₅ᵀ + μ₅", "L = CrossEntropyLoss(u₅)"]
    plain = bp.Sequential(bp.Flatten(), bp.Bias(784), bp.Linear(784, 3, bias=False), bp.Softmax())
    values = [row.value for row in explain(plain, x, y, bp.CrossEntropyLoss(), repeats=0).rows]
    assert values == [
        "a₀",
        "a₀′ = Flatten(a₀)",
        "u₁ = a₀′ + μ₁",
        "u₂ = u₁X₂ᵀ",
        "a₂ = softmax(u₂)",
        "L = CrossEntropyLoss(a₂)",
    ]


def test_nothing_of_the_network_changes(rng):
    net = bp.Sequential(
        bp.Conv2d(1, 2, 3), bp.BatchNorm2d(2), bp.ReLU(), bp.Dropout(0.5), bp.Flatten(), bp.Linear(72, 3)
    )
    x, y = batch(rng, 4, 1, 8, 8, classes=3)
    loss = bp.CrossEntropyLoss()
    loss(net(x), y)
    seen = []
    net.register_forward_hook(lambda *_: seen.append("hook"))
    net.register_full_backward_pre_hook(lambda *_: seen.append("hook"))
    before, calls, streams = net.state_dict(), (net.call, loss.call), [s.step for _, s in net.named_streams()]
    explain(net, x, y, loss)
    assert seen == []
    assert (net.call, loss.call) == calls and [s.step for _, s in net.named_streams()] == streams
    assert all(p.grad is None for p in net.parameters())
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_dead_units_are_those_through_which_no_sample_sends_delta_back():
    layer = bp.Linear(2, 4)
    layer.weight, layer.bias = bp.Parameter(np.eye(4, 2)), bp.Parameter([0, -100, 1, -1])
    x, y = np.array([[1, 1], [-1, 1]]), np.zeros((2, 4))
    shares = {}
    for activation in (bp.ReLU(), bp.Sigmoid(), bp.Tanh(), bp.LeakyReLU(), bp.PReLU(), bp.Softmax()):
        net = bp.Sequential(layer, activation).to(np.float64)
        shares[type(activation).__name__] = explain(net, x.astype(float), y, bp.MSELoss(), repeats=0).rows[2].dead
    assert shares == {"ReLU": 0.5, "Sigmoid": 0.25, "Tanh": 0.25, "LeakyReLU": 0, "PReLU": 0, "Softmax": None}


def test_a_channel_is_dead_only_where_it_is_off_in_every_place():
    images = np.zeros((1, 2, 2, 2), np.float32) - 1
    images[0, 0, 1, 1] = 3
    row = explain(bp.ReLU(), images, np.zeros_like(images), bp.MSELoss(), repeats=0).rows[1]
    assert row.dead == 0.5


@pytest.mark.parametrize(
    ("module", "shape", "forward", "backward"),
    [
        (bp.Linear(5, 3), (4, 5), 4 * 3 * (2 * 5 + 1), 4 * 3 * (4 * 5 + 1)),
        (bp.Linear(5, 3, bias=False), (2, 4, 5), 8 * 30, 8 * 60),
        (bp.Conv2d(2, 6, 3, groups=2), (4, 2, 5, 5), 4 * 6 * 9 * (2 * 9 + 1), 4 * 6 * 9 * (4 * 9 + 1)),
        (bp.ConvTranspose2d(2, 3, 2, stride=2), (1, 2, 4, 4), 2 * 32 * 3 * 4 + 3 * 64, 4 * 32 * 3 * 4 + 3 * 64),
        (bp.RNN(3, 2, bias=False), (5, 4, 3), 2 * 20 * (3 * 2 + 2 * 2), 4 * 20 * (3 * 2 + 2 * 2)),
        (bp.LSTM(3, 2, bias=False), (5, 4, 3), 4 * 2 * 20 * 10, 4 * 4 * 20 * 10),
        (bp.RNN(3, 2), (5, 4, 3), 20 * (2 * 10 + 4), 20 * (4 * 10 + 4)),
        (bp.Linear(5, 3).requires_grad_(False), (4, 5), 4 * 3 * 11, 4 * 3 * 10),
        (bp.ReLU(), (4, 5), 20, 20),
        (bp.MaxPool2d(3, stride=1), (1, 1, 4, 4), 4 * 9, 4 * 9),
        (bp.BatchNorm1d(5), (4, 5), 20, 20),
        (bp.LayerNorm((3, 5)), (4, 3, 5), 60, 60),
        (bp.Flatten(), (4, 5), 0, 0),
        (bp.ZeroPad2d(1), (1, 1, 4, 4), 0, 0),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_operations_are_counted_as_by_hand(module, shape, forward, backward):
    a = np.ones(shape, np.float32)
    assert [way.flops for way in cost.of(module, a, module(a))] == [forward, backward]


def test_bytes_are_what_must_go_through_memory_once():
    def moved(module, a):
        return [way.bytes for way in cost.of(module, a, module(a))]

    a, z, parameters, x = 4 * 5, 4 * 3, 5 * 3 + 3, np.ones((4, 5), np.float32)
    assert moved(bp.Linear(5, 3), x) == [4 * (a + parameters + z), 4 * (z + a + parameters + parameters + a)]
    frozen = bp.Linear(5, 3).requires_grad_(False)
    assert moved(frozen, x) == [4 * (a + parameters + z), 4 * (z + a + parameters + a)]
    assert moved(bp.Flatten(), x) == moved(bp.Dropout(0.5).eval(), x) == [0, 0]
    words = np.array([[3, 4]])
    assert moved(bp.Embedding(50_000, 16), words) == [2 * 8 + 2 * 4 * 32] * 2


def test_the_cost_of_a_users_layer_with_parameters_is_not_guessed(rng):
    class Scale(bp.Module):
        def __init__(self):
            self.by = bp.Parameter(np.ones((2, 3)))

        def forward(self, a):
            self.cache = a
            return a * self.by.data

        def backward(self, delta):
            self.by.accumulate(lambda d, out, accumulate: np.copyto(out, d), delta * self.cache)
            return delta * self.by.data

    seen = explain(Scale(), np.ones((2, 3)), np.zeros((2, 3)), bp.MSELoss())
    assert seen.layers[0].flops == (None, None) and "by" in seen.layers[0].gradients
    assert str(seen).splitlines()[-1].split().count("?") == 2  # nor is the sum


def test_a_sigmoid_net_of_20_layers_vanishes_and_a_relu_net_with_room_does_not(rng):
    x, y = rng.standard_normal((64, 32)).astype(np.float32), np.arange(64) % 10
    verdicts = {
        name: explain(net, x, y, bp.CrossEntropyLoss(), repeats=0)
        for name, net in {
            "sigmoid": deep(bp.Sigmoid),
            "relu": deep(bp.ReLU),
            "he": deep(bp.ReLU, scale=2),
            "large": deep(bp.ReLU, scale=8),
        }.items()
    }
    first, last = verdicts["sigmoid"].weighted[0], verdicts["sigmoid"].weighted[-1]
    assert first.delta < 1e-14 * last.delta and first.gradients["weight"] < 1e-12 * last.gradients["weight"]
    endings = {name: seen.verdict().split(": ")[1] for name, seen in verdicts.items()}
    assert endings == {
        "sigmoid": "it vanishes",
        "relu": "it vanishes",
        "he": "it neither vanishes nor explodes",
        "large": "it explodes",
    }
    each = (first.delta / last.delta) ** (1 / 19)
    way = f"from layer 38 to 0 delta goes from {last.delta:.2g} to {first.delta:.2g}, times {each:.2g} per layer"
    assert verdicts["sigmoid"].verdict() == f"on its way back {way}: it vanishes"


def test_the_table_is_read_from_left_to_right_with_bars_on_one_scale(rng):
    x, y = batch(rng, 8, 32)
    text = str(explain(deep(bp.Sigmoid), x, y, bp.CrossEntropyLoss()))
    lines = text.splitlines()
    assert lines[0].startswith("Sequential in training, input (8, 32), loss ")
    assert lines[1].split("|")[1].strip() == "backward, read upward"
    assert len({width(line.split("|")[0]) for line in lines[1:-1]}) == 1
    lengths = [line.count("█") for line in lines[3:-3]]
    assert lengths == sorted(lengths) and lengths[0] == 1 and lengths[-1] == 10
    assert "loss" in lines[-3] and "█" not in lines[-3]
    assert lines[-1].endswith("it vanishes")


def test_costs_stand_in_their_columns_and_their_sums_in_the_last_row():
    times = {"seconds": (0.5, 0.25)}
    rows = [
        Row("input", "", "a₀", (2,), 1.0),
        Row("0", "Linear()", "u₁", (2,), 1.0, flops=(1, 20), bytes=(300, 4000), **times),
        Row("loss", "MSELoss()", "L", (), 1.0, flops=(2, 30), bytes=(400, 5000), **times),
    ]
    left, right = cells(rows)
    assert [row[-3:] for row in left] == [
        ("FLOPs", "bytes", "time"),
        ("", "", ""),
        ("1", "300 B", "500.000 ms"),
        ("2", "400 B", "500.000 ms"),
        ("3", "700 B", "1000.000 ms"),
    ]
    assert [row[-3:] for row in right][2:] == [
        ("20", "4 kB", "250.000 ms"),
        ("30", "5 kB", "250.000 ms"),
        ("50", "9 kB", "500.000 ms"),
    ]


def test_many_gradients_of_one_layer_are_not_all_told():
    row = Row("0", "LSTM()", "u₁", (), 1.0, gradients={f"w{n}": 1.0 for n in range(9)})
    assert cells([row, row])[1][1][2] == "w0 1  w1 1  w2 1  w3 1  and 5 more"


def test_short_numbers_and_bars():
    texts = [short(count) for count in (0, 7, 999, 1000, 999_500, 12_900_000, 5e9, 2e15)]
    assert texts == ["0", "7", "999", "1k", "1M", "12.9M", "5G", "2e+03T"]
    assert short(401408, " ") + "B" == "401 kB"

    def lengths(*deltas):
        return bars([Row("", "", "", (), 1.0, delta=delta) for delta in (*deltas, 1.0)])

    assert lengths(1.0, 1e-3, 1e-6, 0.0, None) == pytest.approx([1, 0.5, 0.02, 0, 0, 0])
    assert lengths(1.0, 0.9) == pytest.approx([1, 1, 0], abs=0.02)
    assert lengths(0.0, None, np.nan) == [0, 0, 0, 0]
    assert bars([]) == []


def test_it_can_be_saved_as_text_json_page_and_picture(rng, tmp_path):
    x, y = batch(rng, 4, 1, 28, 28)
    seen = explain(MODELS["mlp"](), x, y, bp.CrossEntropyLoss(), repeats=1)
    assert seen.save(tmp_path / "e.txt").read_text(encoding="utf-8") == f"{seen}\n"
    data = json.loads(seen.save(tmp_path / "e.json").read_text(encoding="utf-8"))
    assert data["rows"][2]["value"] == "u₁ = a₀′X₁ᵀ + μ₁" and data["rows"][2]["flops"] == list(seen.rows[2].flops)
    page = ET.fromstring(seen.save(tmp_path / "e.html").read_text(encoding="utf-8").split("\n", 1)[1])
    assert len(page.findall(".//tr")) == 2 + len(seen.rows) + 1
    assert len(page.findall(".//span")) == len(seen.rows) + 1
    sentences = page.find(".//p").text
    assert sentences.startswith("Sequential in training, input (4, 1, 28, 28), loss ") and ". On its way" in sentences
    assert seen.save(tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")
    assert seen._repr_html_() in seen.save(tmp_path / "e.html").read_text(encoding="utf-8")
    with pytest.raises(bp.OptionError, match=r"must end in .txt, .json, .html or .png, got 'e.pdf'"):
        seen.save(tmp_path / "e.pdf")


def test_what_is_not_finite_is_null_in_json_and_told_in_words():
    net = bp.Sequential(bp.Linear(3, 3), bp.ReLU(), bp.Linear(3, 3))
    net[2].weight.data[...] = np.nan
    seen = explain(net, np.ones((2, 3), np.float32), np.array([0, 1]), bp.CrossEntropyLoss(), repeats=0)
    assert json.loads(seen.to_json())["rows"][3]["norm"] is None
    assert seen.verdict() == "2 outputs nan: look there first"
    assert "nan" in str(seen)


def test_a_delta_of_zero_is_said_to_vanish_and_drawn_as_a_cross(tmp_path, monkeypatch):
    net = bp.Sequential(bp.Linear(3, 3), bp.ReLU(), bp.Linear(3, 3))
    net[0].bias.data[...] = -100
    seen = explain(net, np.ones((2, 3), np.float32), np.array([0, 1]), bp.CrossEntropyLoss(), repeats=0)
    assert seen.layers[1].dead == 1
    assert seen.verdict().endswith("to 0: it vanishes")
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *where, **how: figures.append(figure))
    seen.save(tmp_path / "e.png")
    crosses = [line.get_xdata().tolist() for line in figures[0].axes[1].lines if line.get_marker() == "x"]
    assert crosses == [[1.0]]


def test_markup_in_a_name_stays_text():
    rows = [Row("<b>", "", "<b>", (), 1.0), Row("loss", "", "L", (), 1.0)]
    assert "<b>" not in Explanation("<b>", (1,), "training", 1.0, rows)._repr_html_()


def test_layers_used_in_many_steps_keep_their_number_and_are_told_use_by_use(rng):
    x, y = batch(rng, 2, 1, 4, 3)
    net = bp.Sequential(RowByRow(Unrolled(3, 10)))
    seen = explain(net, x, y, bp.CrossEntropyLoss(), repeats=0)
    assert [row.path for row in seen.rows[1:-1]] == ["0.reader.input", "0.reader.state"] * 4
    assert {row.value for row in seen.rows[1:-1]} == {"u₁ = ·X₁ᵀ + μ₁", "u₂ = ·X₂ᵀ + μ₂"}
    deltas = [row.delta for row in seen.rows[1:-1:2]]
    assert deltas == sorted(deltas) and len(set(deltas)) == 4
    assert [len(row.gradients) for row in seen.layers] == [2, 2] + [0] * 6  # told once, of all uses
    assert "over the 4 uses of layer 0.reader.input delta goes from" in seen.verdict()


def test_a_residual_network_is_told_with_the_branch_inside(rng):
    x, y = batch(rng, 2, 3, classes=3)
    seen = explain(bp.Sequential(bp.Linear(3, 3), Residual(bp.Linear(3, 3))), x, y, bp.CrossEntropyLoss(), repeats=0)
    assert [row.path for row in seen.rows] == ["input", "0", "1.body", "loss"]
    assert seen.rows[-1].value == "L = CrossEntropyLoss(·)"


ALONE = [e for e in examples() if len(e.inputs) == 1]  # losses and layers of two inputs are no networks by themselves


@pytest.mark.parametrize("example", ALONE, ids=lambda e: f"{type(e.module).__name__}, {e.title}")
def test_every_layer_can_be_explained(example):
    x = example.inputs[0]
    seen = explain(example.module, x, np.zeros_like(example.module(x)), bp.MSELoss(), repeats=0)
    assert str(seen) and seen.to_json() and all(np.isfinite(row.norm) for row in seen.rows)


def test_a_diary_does_not_change_a_bit_of_training(rng, tmp_path):
    def train(with_diary):
        bp.manual_seed(0)
        net = bp.Sequential(
            bp.Flatten(), bp.Linear(16, 8), bp.BatchNorm1d(8), bp.ReLU(), bp.Dropout(0.5), bp.Linear(8, 3)
        )
        x, y = np.random.default_rng(0).random((32, 4, 4), np.float32), np.arange(32) % 3
        loader, loss = bp.DataLoader(x, y, 8, shuffle=True, seed=0), bp.CrossEntropyLoss()
        diary = Diary(net, x[:8], y[:8], loss, steps=8) if with_diary else None
        fit(net, loss, bp.SGD(net.parameters(), lr=0.1), loader, epochs=2, progress=False, after_step=diary)
        return net, diary

    (plain, _), (watched, diary) = train(False), train(True)
    for name, array in plain.state_dict().items():
        np.testing.assert_array_equal(array, watched.state_dict()[name])
    assert [step for step, _ in diary.records] == list(range(1, 9))
    last = diary.write(tmp_path, "title")
    assert last.loss == pytest.approx(explain(watched, diary.x, diary.y, diary.loss).loss)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"explain.html", "explain.json", "explain-depth.png", "explain-training.png"}


def test_a_long_run_is_looked_at_40_times(rng):
    net, (x, y) = bp.Linear(3, 2), batch(rng, 2, 3, classes=2)
    diary = Diary(net, x, y, bp.CrossEntropyLoss(), steps=400)
    for step in range(401):
        diary(step)
    assert [step for step, _ in diary.records] == list(range(0, 401, 10))
    diary = Diary(net, x, y, bp.CrossEntropyLoss(), steps=79)
    for step in range(80):
        diary(step)
    assert [step for step, _ in diary.records] == [*range(0, 79, 2), 79]


def test_pictures_over_training_draw_a_layer_that_is_used_often_once(rng, monkeypatch, tmp_path):
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *where, **how: figures.append(figure))
    x, y = batch(rng, 2, 1, 4, 3)
    net = bp.Sequential(RowByRow(Unrolled(3, 4)), bp.ReLU(), bp.Linear(4, 10))
    seen = explain(net, x, y, bp.CrossEntropyLoss(), repeats=0)
    pictures.over_training([(0, seen), (5, seen)], tmp_path / "t.png", "title")
    pictures.over_depth({"one": seen, "two": seen}, tmp_path / "d.png", "title")
    training, over_depth = figures
    assert [axes.get_title() for axes in training.axes] == [
        "norm of delta = dL/du",
        "norm of its gradients",
        "dead units, %",
    ]
    labels = [line.get_label() for line in training.axes[0].lines]
    assert labels == ["0.reader.input u₁", "0.reader.state u₂", "2 u₃"]
    assert all(line.get_xdata().tolist() == [0, 5] for line in training.axes[0].lines)
    low, high = training.axes[1].get_ylim()
    assert high / low >= 99  # what does not change looks so
    assert [len(line.get_xdata()) for line in over_depth.axes[1].lines] == [4, 4, 1] * 2
    assert [len(line.get_xdata()) for line in over_depth.axes[2].lines] == [1, 1, 1] * 2  # one gradient, told once
    assert [text.get_text() for text in over_depth.legends[0].get_texts()] == ["one", "two"]


def test_pictures_of_a_deep_network_name_only_its_ends(rng, monkeypatch, tmp_path):
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *where, **how: figures.append(figure))
    seen = explain(deep(bp.ReLU, layers=60), *batch(rng, 4, 32), bp.CrossEntropyLoss(), repeats=0)
    pictures.over_training([(0, seen)], tmp_path / "t.png", "title")
    texts = [text.get_text() for text in figures[0].axes[0].get_legend().get_texts()]
    assert texts == ["0 u₁", "118 u₆₀"]


def test_a_network_of_one_layer_is_drawn_too(rng, tmp_path):
    net = bp.Linear(3, 2)
    diary = Diary(net, *batch(rng, 4, 3, classes=2), bp.CrossEntropyLoss(), steps=1)
    diary(0)
    last = diary.write(tmp_path, "title")
    assert [row.path for row in last.rows] == ["input", "", "loss"] and last.verdict() == ""
    assert list(pictures._over_steps(diary.records, lambda e: e.weighted, lambda row: row.delta)) == ["u₁"]


def test_a_learned_slope_is_told_as_it_was_learned(rng):
    net, loss = bp.Sequential(bp.Linear(5, 4), bp.PReLU(4), bp.Linear(4, 3)), bp.CrossEntropyLoss()
    x, y = batch(rng, 7, 5, classes=3)
    seen = explain(net, x - 0.5, y, loss)
    loss(net(x - 0.5), y)
    net.backward(loss.backward())
    assert seen.layers[1].gradients["weight"] == pytest.approx(np.linalg.norm(net[1].weight.grad), rel=1e-5)


def test_features_of_a_sequence_are_the_units_and_not_its_steps(rng):
    net = bp.Sequential(bp.Linear(4, 6), bp.ReLU())
    net[0].bias.data[:3] = -100
    x = rng.random((2, 7, 4), np.float32)
    seen = explain(net, x, np.zeros((2, 7, 6), np.float32), bp.MSELoss(), repeats=0)
    assert seen.layers[1].dead == 0.5


def test_a_parameter_beside_child_modules_has_a_row_and_its_own_time(rng):
    class Gated(bp.Graph):
        def __init__(self):
            self.inside, self.gate = bp.Linear(3, 3), bp.Parameter(np.ones(3, np.float32))

        def build(self, a):
            return self.inside(a) * self.gate

    x, y = batch(rng, 4, 3, classes=3)
    seen = explain(bp.Sequential(Gated(), bp.ReLU()), x, y, bp.CrossEntropyLoss())
    assert [row.path for row in seen.layers] == ["0.inside", "0", "1"]
    assert list(seen.layers[1].gradients) == ["gate"] and min(seen.layers[1].seconds) > 0


def test_a_network_whose_calls_change_in_number_is_told_all_the_same(rng):
    class Growing(bp.Graph):
        def __init__(self):
            self.layer, self.times = bp.Linear(3, 3), [1]

        def build(self, a):
            for _ in range(self.times[0]):
                a = self.layer(a)
            self.times[0] += 1
            return a

    seen = explain(Growing(), *batch(rng, 4, 3, classes=3), bp.CrossEntropyLoss())
    assert len(seen.layers) == 1 and min(seen.layers[0].seconds) > 0


def test_hooks_that_cannot_be_copied_are_left_out(tmp_path, rng):
    class Logger:
        def __init__(self):
            self.file = (tmp_path / "log").open("w")

        def __call__(self, *seen):
            raise AssertionError("ran")

    net, logger = bp.Sequential(bp.Linear(3, 2)), Logger()
    net[0].register_forward_hook(logger)
    explain(net, *batch(rng, 2, 3, classes=2), bp.CrossEntropyLoss(), repeats=0)
    logger.file.close()


def test_what_network_and_loss_share_stays_shared(rng):
    class Decay(bp.MSELoss):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def backward(self, delta):
            self.layer.weight.accumulate(lambda w, out, accumulate: np.copyto(out, w), self.layer.weight.data)
            return super().backward(delta)

    net = bp.Linear(3, 2)
    x = np.zeros((4, 3), np.float32)
    seen = explain(net, x, np.zeros((4, 2), np.float32), Decay(net), repeats=0)
    assert seen.layers[0].gradients["weight"] == pytest.approx(np.linalg.norm(net.weight.data))


def test_norms_neither_underflow_nor_overflow():
    assert norm(np.array([3e-300, 4e-300])) == pytest.approx(5e-300)
    assert norm(np.array([3e300, 4e300])) == pytest.approx(5e300)
    assert norm(np.zeros(3)) == norm(np.zeros((0, 3))) == 0
    assert norm(np.array([1, np.inf])) == np.inf and np.isnan(norm(np.array([1, np.nan])))


def test_options_that_make_no_sense_are_named(rng):
    x, y = batch(rng, 2, 3, classes=2)
    with pytest.raises(bp.OptionError, match="repeats must be a non-negative integer"):
        explain(bp.Linear(3, 2), x, y, bp.CrossEntropyLoss(), repeats=-1)
    with pytest.raises(bp.OptionError, match="explain needs a loss with reduction 'mean' or 'sum'"):
        explain(bp.Linear(3, 2), x, y, bp.CrossEntropyLoss(reduction="none"))


def test_memory_does_not_grow_with_the_number_of_timed_passes(rng):
    import tracemalloc

    net, (x, y) = MODELS["mlp"](), batch(rng, 256, 1, 28, 28)
    explain(net, x, y, bp.CrossEntropyLoss(), repeats=1)
    peaks = []
    for repeats in (1, 20):
        tracemalloc.start()
        explain(net, x, y, bp.CrossEntropyLoss(), repeats=repeats)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_the_picture_over_depth_compares_the_end_with_the_beginning(rng, monkeypatch, tmp_path):
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *where, **how: figures.append(figure))
    diary = Diary(bp.Linear(3, 2), *batch(rng, 4, 3, classes=2), bp.CrossEntropyLoss(), steps=9)
    diary(7)
    diary(9)
    diary.write(tmp_path, "title")
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ["step 7", "at the end"]


def test_the_time_of_a_container_is_its_own_without_what_is_inside(rng):
    class Slow(bp.ReLU):
        def forward(self, u):
            time.sleep(0.05)
            return super().forward(u)

        def backward(self, delta):
            time.sleep(0.05)
            return super().backward(delta)

    class Outer(bp.Graph):
        def __init__(self):
            self.inside, self.gate = Slow(), bp.Parameter(np.ones(3, np.float32))

        def build(self, a):
            return self.inside(a) * self.gate

    inside, outer = explain(Outer(), *batch(rng, 4, 3, classes=3), bp.CrossEntropyLoss(), repeats=3).layers
    assert min(inside.seconds) > 0.05 > max(outer.seconds)


def test_a_layer_called_loss_is_not_taken_for_the_loss(rng):
    class Named(bp.Graph):
        def __init__(self):
            self.loss = bp.Linear(3, 3)

        def build(self, a):
            return self.loss(a)

    seen = explain(Named(), *batch(rng, 4, 3, classes=3), bp.CrossEntropyLoss())
    assert [row.path for row in seen.rows] == ["input", "loss", "loss"]
    assert list(seen.layers[0].gradients) == ["weight", "bias"] and not seen.rows[-1].gradients
    assert all(min(row.seconds) > 0 for row in seen.rows[1:])
