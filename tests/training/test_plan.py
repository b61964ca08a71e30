"""A plan computes what the layers compute, to the last bit, and notices when it no longer would."""

import tracemalloc

import numpy as np
import pytest

import backprop as bp
from backprop import kernels
from backprop.kernels.recording import Unfit, recording
from backprop.lecture.examples import examples
from backprop.models.networks import MODELS
from backprop.training.fit import fit
from backprop.training.plan import Plan

RECORDABLE = [example for example in examples() if example.module.recordable and len(example.inputs) == 1]


class Pair:
    """The same training twice: `layers` step by step, `planned` by a plan."""

    def __init__(self, make, loss, optimizer=lambda parameters: bp.SGD(parameters, lr=0.1, momentum=0.9)):
        self.sides, net = [], make()
        for twin in (net, net.bare_copy()):
            parameters = list(twin.parameters())
            self.sides.append((twin, loss(), optimizer(parameters) if parameters else None))
        self.plan = Plan(*self.sides[1][:2])

    def step(self, x, y):
        """Both take one step, and all their numbers are the same. Returns whether the plan could do its one."""
        (net, loss, optimizer), (planned, planned_loss, planned_optimizer) = self.sides
        net.zero_grad(), planned.zero_grad()
        scores = net(x)
        L = loss(scores, y)
        scores = scores.copy()
        net.backward(loss.backward())
        step = self.plan.step(x, y)
        if step is None:
            return False
        planned_scores, planned_L = step.forward(x, y)
        np.testing.assert_array_equal(planned_scores, scores)
        assert planned_L == L
        step.backward()
        for (name, p), q in zip(net.named_parameters(), planned.parameters(), strict=True):
            assert (p.grad is None) == (q.grad is None), name
            if p.grad is not None:
                np.testing.assert_array_equal(q.grad, p.grad, err_msg=name)
        for one in (optimizer, planned_optimizer):
            if one is not None:
                one.step()
        for (name, array), same in zip(net.state_dict().items(), planned.state_dict().values(), strict=True):
            np.testing.assert_array_equal(same, array, err_msg=name)
        return True


def images(rng, count=8):
    return rng.uniform(0, 1, (count, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, count)


class First(bp.Graph):
    """The first of several outputs."""

    recordable = True

    def __init__(self, module):
        self.module = module

    def build(self, a):
        return self.module(a)[0]


@pytest.mark.parametrize("number", range(len(RECORDABLE)))
def test_every_recordable_layer_gives_the_same_bits(number):
    module, (x,) = RECORDABLE[number].module, RECORDABLE[number].inputs
    with bp.use_kernels("reference"):
        like = module.bare_copy()(x)
        if isinstance(like, tuple):
            module, like = First(module), like[0]
        y = np.random.default_rng(1).standard_normal(like.shape).astype(like.dtype)
        pair = Pair(module.bare_copy, bp.MSELoss)
        for _ in range(3):
            assert pair.step(x, y)
            x = x * np.float32(0.9) if x.dtype.kind == "f" else x[::-1].copy()


def test_most_layers_are_recordable():
    names = {type(example.module).__name__ for example in RECORDABLE}
    assert {"Linear", "ReLU", "Conv2d", "MaxPool2d", "AvgPool2d", "Flatten", "Dropout", "BatchNorm2d"} <= names
    assert len(names) > 60


@pytest.mark.parametrize("model", ["bias", "linear", "mlp", "lenet", "cnn"])
@pytest.mark.parametrize("optimizer", [bp.SGD, bp.AdamW, bp.RMSprop])
def test_models_train_to_the_same_bits(model, optimizer, rng):
    pair = Pair(
        MODELS[model],
        lambda: bp.CrossEntropyLoss(label_smoothing=0.1),
        lambda parameters: optimizer(parameters, lr=1e-3),
    )
    for count in (8, 8, 3, 8, 3):
        assert pair.step(*images(rng, count))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2])
def test_fit_gives_the_same_bits_with_and_without_a_plan(dtype, threads, rng, monkeypatch):
    if threads > kernels.get_num_threads():
        pytest.skip("one core")
    x, y = images(rng, 100)
    found = []
    for planned in (True, False):
        with monkeypatch.context() as patch:
            if not planned:
                patch.setattr(Plan, "step", lambda self, x, y: None)
            most = kernels.get_num_threads()
            kernels.set_num_threads(threads)
            try:
                bp.manual_seed(0)
                net = MODELS["lenet"]().to(dtype)
                train = bp.DataLoader(x.astype(dtype), y, batch_size=32, shuffle=True, seed=0)
                optimizer = bp.SGD(net.parameters(), 0.05, 0.9)
                history = fit(net, bp.CrossEntropyLoss(), optimizer, train, epochs=2, progress=False)
            finally:
                kernels.set_num_threads(most)
        found.append((history.losses, history.correct, [p.data for p in net.parameters()]))
    assert found[0][:2] == found[1][:2]
    for a, b in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_array_equal(a, b)


def test_class_weights_and_an_ignored_label_go_through_a_plan(rng):
    weight = rng.uniform(0.5, 2, 10).astype(np.float32)
    pair = Pair(MODELS["mlp"], lambda: bp.CrossEntropyLoss(weight=weight, ignore_index=3))
    for _ in range(3):
        assert pair.step(*images(rng))


def test_a_loss_of_ones_own_goes_through_a_plan(rng):
    class Quartic(bp.Module):
        def forward(self, a, b):
            self.cache = a - b
            return float(((a - b) ** 4).mean())

        def backward(self, delta=1):
            return delta * 4 * self.cache**3 / self.cache.size

        def expect_delta(self, delta=1):
            return delta

    pair = Pair(lambda: bp.Sequential(bp.Linear(5, 3), bp.Tanh()), Quartic)
    for _ in range(3):
        assert pair.step(rng.standard_normal((4, 5)).astype(np.float32), np.zeros((4, 3), np.float32))


CHANGES = {
    "an option": lambda net: setattr(net[3], "p", 0.9),
    "evaluation": lambda net: net[3].eval(),
    "a parameter frozen": lambda net: net[1].weight.__setattr__("requires_grad", False),
    "a parameter replaced": lambda net: setattr(net[1], "bias", bp.Parameter(np.ones(16, np.float32))),
    "its values replaced": lambda net: setattr(net[1].bias, "data", np.ones(16, np.float32)),
    "its values changed": lambda net: net[1].bias.data.fill(1),
    "a gradient replaced": lambda net: setattr(net[1].bias, "grad", np.ones(16, np.float32)),
    "a layer replaced": lambda net: net.__setitem__(2, bp.Tanh()),
    "a layer put in the list": lambda net: net.layers.__setitem__(2, bp.Tanh()),
    "a layer added": lambda net: net.append(bp.Bias(10)),
    "all to zero": lambda net: net.load_state_dict({k: 0 * v for k, v in net.state_dict().items()}),
    "a new seed": lambda net: net[3].stream.seek(5, 0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_plan_notices_that_something_has_changed(change, rng):
    def make():
        return bp.Sequential(bp.Flatten(), bp.Linear(784, 16), bp.ReLU(), bp.Dropout(0.5), bp.Linear(16, 10))

    pair = Pair(make, bp.CrossEntropyLoss, lambda parameters: None)
    assert pair.step(*images(rng))
    for net, _, _ in pair.sides:
        CHANGES[change](net)
    for _ in range(2):
        assert pair.step(*images(rng))


def test_a_plan_keeps_a_few_shapes_of_batches_only(rng):
    pair = Pair(MODELS["linear"], bp.CrossEntropyLoss, lambda parameters: None)
    for count in [*range(1, 13), 1, 12]:
        assert pair.step(*images(rng, count))
    assert len(pair.plan._steps) == 8


def test_gradients_that_nobody_clears_add_up(rng):
    pair = Pair(MODELS["linear"], bp.CrossEntropyLoss, lambda parameters: None)
    (x, y), planned = images(rng), pair.sides[1][0]
    step = pair.plan.step(x, y)
    step.forward(x, y), step.backward()
    once = planned[1].weight.grad.copy()
    step = pair.plan.step(x, y)
    step.forward(x, y), step.backward()
    np.testing.assert_allclose(planned[1].weight.grad, 2 * once, rtol=1e-6)


def test_hooks_make_a_network_run_layer_by_layer_until_they_are_removed(rng):
    pair, seen = Pair(MODELS["mlp"], bp.CrossEntropyLoss), []
    assert pair.step(*images(rng))
    handle = pair.sides[1][0][2].register_forward_hook(lambda *_: seen.append(1))
    assert pair.plan.step(*images(rng)) is None
    handle.remove()
    assert pair.plan.step(*images(rng)) is not None
    assert not seen


def test_what_may_do_anything_is_not_recorded(rng):
    class Loud(bp.Linear):
        def forward(self, a):
            return super().forward(a)

    x, y = rng.standard_normal((4, 5)).astype(np.float32), np.zeros(4, int)
    assert Plan(bp.Sequential(bp.Linear(5, 3)), bp.CrossEntropyLoss()).step(x, y) is not None
    assert Plan(bp.Sequential(Loud(5, 3)), bp.CrossEntropyLoss()).step(x, y) is None
    assert Plan(bp.BatchNorm1d(5, momentum=None), bp.CrossEntropyLoss()).step(x, y) is None


@pytest.mark.parametrize("peek", [lambda a: a + 1, lambda a: np.asfortranarray(a), lambda a: np.maximum(a, 0)])
def test_a_layer_that_says_recordable_and_uses_more_than_kernels_is_found_out(peek, rng):
    class Liar(bp.Module):
        recordable = True

        def forward(self, a):
            return peek(a)

        def backward(self, delta):
            return delta

    net = bp.Sequential(bp.Linear(5, 5), Liar(), bp.Linear(5, 3))
    x, y = rng.standard_normal((4, 5)).astype(np.float32), np.zeros(4, int)
    assert Plan(net, bp.CrossEntropyLoss()).step(x, y) is None
    assert all(p.grad is None for p in net.parameters())
    assert Plan(net[:2], bp.MSELoss()).step(x, x) is None  # where its numbers are the scores, too
    with recording("cpu"), pytest.raises(Unfit, match="was given numbers that no kernel has computed"):
        net(x)


def test_the_first_layers_delta_is_not_computed_and_a_relu_costs_nothing_of_its_own(rng):
    def names(model):
        step = Plan(MODELS[model](), bp.CrossEntropyLoss()).step(*images(rng))
        calls = step.calls
        return [[getattr(kernel, "py_func", kernel).__name__ for kernel, _ in some] for some in calls]

    assert names("mlp") == [
        ["linear", "linear", "cross_entropy"],
        ["matmul_tn", "sum_rows", "matmul_nn", "relu_backward", "matmul_tn", "sum_rows"],
    ]
    forward, backward = names("lenet")
    assert forward[:3] == ["conv_max_pool", "conv_max_pool", "linear"]
    assert backward[-4:] == ["relu_backward", "max_pool_backward", "sum_channels", "conv_weight_grad"]
    assert backward.count("conv_input_grad") == 1


@pytest.mark.parametrize("window", [bp.MaxPool2d(2), bp.MaxPool2d(3, stride=2), bp.MaxPool2d(3, stride=1, padding=1)])
def test_relu_and_max_pool_change_places_without_changing_a_bit(window, rng):
    pair = Pair(
        lambda: bp.Sequential(bp.Conv2d(2, 4, 3), bp.ReLU(), window.bare_copy(), bp.Flatten()),
        bp.MSELoss,
    )
    x = rng.standard_normal((3, 2, 11, 11)).astype(np.float32)
    x[0] = 0  # all sums are the bias: every window is a tie, and some are negative
    shape = pair.sides[0][0].bare_copy()(x).shape
    for _ in range(3):
        assert pair.step(x, rng.standard_normal(shape).astype(np.float32))


def test_a_window_that_holds_nothing_stays_minus_infinity():
    """ReLU would make it 0 if it came second: the image has one entry, and both taps miss it."""
    pair = Pair(lambda: bp.Sequential(bp.ReLU(), bp.MaxPool1d(2, stride=1, padding=1, dilation=2)), bp.MSELoss)
    net, plan = pair.sides[0][0], pair.plan
    x = np.ones((1, 1, 1), np.float32)
    scores, _ = plan.step(x, x).forward(x, x)
    assert scores == net(x) == -np.inf


def test_labels_in_another_order_of_memory_are_read_anew_in_each_step(rng):
    """The recording once read a copy of the first labels, made to put them in order: zeros, for ever."""
    pair = Pair(lambda: bp.Sequential(bp.Conv2d(1, 3, 3, padding=1)), bp.CrossEntropyLoss)
    for _ in range(3):
        x, y = rng.uniform(0, 1, (2, 1, 4, 5)).astype(np.float32), rng.integers(0, 3, (2, 5, 4)).transpose(0, 2, 1)
        assert pair.step(x, y)


@pytest.mark.parametrize("dtype", [">i4", ">i8", "<u2"])
def test_labels_of_any_type_of_integers_will_do(dtype, rng):
    """Those of the other byte order were handed to a kernel as they were."""
    pair = Pair(MODELS["linear"], bp.CrossEntropyLoss)
    x, y = images(rng)
    assert pair.step(x, (y % 2).astype(dtype))


def test_a_step_that_stopped_before_its_backward_leaves_the_next_one_as_it_is(rng):
    """The gradients' arrays held the recording's NaN, for which the next shape of batches was refused."""
    net = MODELS["mlp"]()
    plan = Plan(net, bp.CrossEntropyLoss())
    plan.step(*images(rng, 8)).forward(*images(rng, 8))
    assert plan.step(*images(rng, 4)) is not None


def test_relu_in_a_plan_turns_minus_zero_into_zero_as_the_layer_does():
    """-1e-30 times 1e-30 is rounded to -0."""
    tiny = np.full((1, 1, 32, 32), 1e-30, np.float32)
    for layers in (
        [bp.Conv2d(1, 1, 1, bias=False), bp.ReLU()],
        [bp.Conv2d(1, 1, 1, bias=False), bp.ReLU(), bp.MaxPool2d(2)],
        [bp.Conv2d(1, 16, 1, bias=False), bp.ReLU(), bp.MaxPool2d(2)],
        [bp.Conv2d(1, 64, 1, bias=False), bp.ReLU()],
        [bp.Flatten(), bp.Linear(1024, 5, bias=False), bp.ReLU()],
    ):
        net = bp.Sequential(*layers)
        for parameter in net.parameters():
            parameter.data[...] = -1e-30
        target = np.zeros_like(net(tiny))
        scores, _ = Plan(net, bp.MSELoss()).step(tiny, target).forward(tiny, target)
        assert not np.signbit(net(tiny)).any() and not np.signbit(scores).any()


def test_a_bad_label_is_refused_as_the_loss_refuses_it(rng):
    x, y = images(rng)
    step = Plan(MODELS["mlp"](), bp.CrossEntropyLoss()).step(x, y)
    y[5] = 10
    with pytest.raises(bp.LabelError, match=r"CrossEntropyLoss: expects labels in \[0, 10\), got 10 at index 5"):
        step.forward(x, y)


def test_a_recorded_network_says_that_it_was_not_called(rng):
    net = MODELS["mlp"]()
    assert Plan(net, bp.CrossEntropyLoss()).step(*images(rng)) is not None
    with pytest.raises(bp.CallOrderError):
        net.backward(np.zeros((8, 10), np.float32))


def test_a_steady_step_allocates_nothing_above_4_kb(rng):
    x, y = images(rng, 320)
    net, most = MODELS["lenet"](), []

    def watch(step):
        if step == 5:
            tracemalloc.start()
        elif step > 5:
            most.append(tracemalloc.get_traced_memory()[1] - most_before[0])
        if step >= 5:
            tracemalloc.reset_peak()
            most_before[:] = [tracemalloc.get_traced_memory()[0]]

    most_before = [0]
    train = bp.DataLoader(x, y, batch_size=32)
    try:
        fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters(), 0.05, 0.9), train, progress=False, after_step=watch)
    finally:
        tracemalloc.stop()
    assert len(most) == 5
    assert max(most) < 4096 + 4096  # all that lives at one moment; lists and numbers of Python are half of it


@pytest.mark.parametrize(
    "look",
    [
        lambda self, a: a.max(axis=1),
        lambda self, a: a * (a > 0),
        lambda self, a: a if a.sum() > 0 else -a,
        lambda self, a: np.where(a.data.sum() + a > 1, a, -a),
        lambda self, a: a * a.detach()[0, 0].item(),
        lambda self, a: setattr(self, "calls", self.calls + 1) or a * self.calls,
    ],
)
def test_a_graph_that_looks_at_numbers_or_changes_itself_is_not_recorded(look, rng):
    class Looking(bp.Graph):
        recordable = True

        def __init__(self):
            self.calls, self.inner = 0, bp.Linear(5, 5)

        def build(self, a):
            return look(self, self.inner(a))

    x, y = rng.standard_normal((4, 5)).astype(np.float32), np.zeros((4, 5), np.float32)
    plan = Plan(bp.Sequential(bp.Linear(5, 5), Looking()), bp.MSELoss())
    assert plan.step(x, y) is None
    reasons = "looks at numbers", "changes its own attributes", "numbers that no kernel has computed"
    assert any(words in plan.reason for words in reasons), plan.reason


def test_a_graph_with_plain_numbers_that_follow_a_parameter_is_found_out_after_one_step(rng):
    class Plain(bp.Graph):
        recordable = True

        def __init__(self):
            self.inner = bp.Linear(5, 5)

        def build(self, a):
            return self.inner(a) * float(self.inner.weight.data[0, 0])

    net, loss = Plain(), bp.MSELoss()
    optimizer, step = bp.SGD(net.parameters(), lr=0.1), bp.compile(net, loss)
    for count in range(4):
        x, y = rng.standard_normal((4, 5)).astype(np.float32), np.zeros((4, 5), np.float32)
        expected = loss(net.bare_copy()(x), y)
        optimizer.zero_grad()
        assert step(x, y) == expected
        step.backward()
        optimizer.step()
        assert (step.reason is None) == (count == 0)
    assert step.reason == "it computes with numbers that change and are neither parameters nor buffers"


def test_words_out_of_range_are_named_by_their_layer_in_a_recorded_step_too(rng):
    net = bp.Sequential(bp.Embedding(7, 3), bp.Flatten(), bp.Linear(12, 2))
    step = bp.compile(net, bp.CrossEntropyLoss())
    x, y = rng.integers(0, 7, (5, 4)), np.zeros(5, int)
    step(x, y)
    assert step.reason is None
    x[3, 1] = 7
    with pytest.raises(bp.IndexRangeError, match=r"layer 0 \(Embedding\): .* got 7 at index \(3, 1\)"):
        step(x, y)
    x[3, 1] = 6
    assert np.isfinite(step(x, y))


@pytest.mark.parametrize("model", ["residual", "branches", "recurrent"])
@pytest.mark.parametrize("optimizer", [bp.SGD, bp.Adam])
def test_networks_that_are_no_chains_train_to_the_same_bits(model, optimizer, rng):
    pair = Pair(MODELS[model], bp.CrossEntropyLoss, lambda parameters: optimizer(parameters, lr=1e-3))
    for count in (8, 8, 3, 8, 3):
        assert pair.step(*images(rng, count))


def test_what_a_graph_computes_with_numpy_is_computed_anew_in_every_step(rng):
    """Constants, parameters, broadcasting, indices, sums: each once."""

    class Formula(bp.Graph):
        recordable = True

        def __init__(self):
            self.scale, self.inner = bp.Parameter(np.full(5, 0.5, np.float32)), bp.Linear(5, 5)

        def build(self, a):
            v = np.exp(self.inner(a)) * self.scale + 2.0 / (1 + a * a)
            rows = v - v.mean(axis=1, keepdims=True)
            picked = np.concatenate([rows[:, [0, 2]], rows[:, 1:4]], axis=1)
            return np.where(np.arange(5) > 1, picked, a) @ self.inner.weight + v.sum(axis=0).reshape(1, 5)

    pair = Pair(lambda: bp.Sequential(bp.Linear(5, 5), Formula()), bp.MSELoss)
    for _ in range(3):
        assert pair.step(rng.standard_normal((4, 5)).astype(np.float32), np.zeros((4, 5), np.float32))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
@pytest.mark.parametrize("bad", [7, 200])
def test_words_are_checked_in_every_step_whatever_their_type_and_wherever_they_come_from(dtype, bad, rng):
    """A recorded step read outside the table for words that were converted or cut before they were looked up."""

    class Cut(bp.Graph):
        recordable = True

        def __init__(self):
            self.embedding = bp.Embedding(7, 3)

        def build(self, words):
            return self.embedding(words[:, 1]) + self.embedding(words[:, [3, 2]]).sum(axis=1)

    for net in (bp.Sequential(bp.Embedding(7, 3), bp.Flatten()), Cut()):
        x = np.zeros((5, 4), dtype)
        y = np.zeros(net.bare_copy()(x).shape, np.float32)
        step = bp.compile(net, bp.MSELoss())
        step(x, y)
        assert step.reason is None
        x[3, 2] = bad
        with pytest.raises(bp.IndexRangeError, match=f"got {bad} at index"):
            step(x, y)
        x[3, 2] = 6
        assert np.isfinite(step(x, y))


def test_a_word_out_of_range_leaves_the_random_numbers_where_the_layers_would(rng):
    def network():
        bp.manual_seed(1)
        return bp.Sequential(bp.Embedding(7, 3), bp.Flatten(), bp.Dropout(0.5), bp.Linear(12, 2))

    found = []
    for compiled in (True, False):
        net, loss = network(), bp.MSELoss()
        step = bp.compile(net, loss) if compiled else lambda x, y: loss(net(x), y)  # noqa: B023
        x, y = np.arange(20).reshape(5, 4) % 7, np.zeros((5, 2), np.float32)
        losses = [step(x, y)]
        with pytest.raises(bp.IndexRangeError):
            step(x + 1, y)
        found.append([*losses, step(x, y)])
    assert found[0] == found[1]


def test_an_embeddings_row_for_padding_keeps_its_gradient_of_other_uses(rng):
    """In a recorded step it became what it had been when the step was recorded."""

    class Tied(bp.Graph):
        recordable = True

        def __init__(self):
            self.embedding = bp.Embedding(7, 3, padding_idx=0)

        def build(self, words):
            return self.embedding(words) @ bp.graph.Value(self.embedding.weight).T

    pair = Pair(Tied, bp.MSELoss)
    for count in (5, 3, 5, 3):
        assert pair.step(rng.integers(0, 7, count), rng.standard_normal((count, 7)).astype(np.float32))


def test_a_value_of_ones_own_is_no_parameter_and_not_recorded(rng):
    class Own(bp.Graph):
        recordable = True

        def __init__(self):
            self.scale, self.inner = bp.graph.Value(np.ones(5, np.float32)), bp.Linear(5, 5)

        def build(self, a):
            return self.inner(a) * self.scale

    plan = Plan(Own(), bp.MSELoss())
    assert plan.step(np.ones((4, 5), np.float32), np.ones((4, 5), np.float32)) is None
    assert "looks at numbers" in plan.reason


def test_a_graph_of_ones_own_is_recorded_if_it_says_that_it_may_be(rng):
    class Mine(bp.Graph):
        def __init__(self):
            self.inner = bp.Linear(5, 5)

        def build(self, a):
            return a + self.inner(a)

    x = np.ones((4, 5), np.float32)
    plan = Plan(Mine(), bp.MSELoss())
    assert plan.step(x, x) is None and "does not declare" in plan.reason
    Mine.recordable = True
    assert Plan(Mine(), bp.MSELoss()).step(x, x) is not None
