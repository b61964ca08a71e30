"""The check accepts correct layers, and catches every planted mistake."""

import numpy as np
import pytest

import backprop as bp
from backprop import functional as F
from backprop.check.differences import central, complex_step, one_sided
from backprop.layers.lazy import Lazy
from backprop.lecture.examples import Together, examples

EXAMPLES = examples()
NAMES = [f"{type(e.module).__name__}-{e.title}" for e in EXAMPLES]
X = np.random.default_rng(5).uniform(0.2, 1, (4, 5))


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_every_layer_agrees_with_finite_differences_and_the_complex_step(example, each_kernels):
    report = bp.gradcheck(example.module, *example.inputs).raise_if_wrong()
    assert all(row.complex_error <= 1e-12 for row in report.rows)
    assert all(row.entries == np.prod(row.shape) for row in report.rows)


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_every_float32_backward_agrees_with_float64(example, each_kernels):
    bp.gradcheck(example.module, *example.inputs, dtype=np.float32).raise_if_wrong()


def test_every_public_layer_loss_and_block_has_an_example():
    bases = {bp.Module, bp.Loss, bp.Graph}
    names = [*vars(bp).values(), *vars(bp.models.blocks).values()]
    public = {v for v in names if isinstance(v, type) and issubclass(v, bp.Module)} - bases
    public = {v for v in public if not issubclass(v, Lazy)}  # which soon are others
    assert public == {type(m) for e in EXAMPLES for m in e.module.modules()} - {Together}


class Planted(bp.Linear):
    """Linear with one mistake in its backward, chosen by name."""

    def __init__(self, mistake, *args, analytic=True):
        super().__init__(*args)
        self.mistake, self.analytic = mistake, analytic

    def backward(self, delta):
        a = self.cache
        weight_grad, bias_grad = F.linear_weight_grad, F.linear_bias_grad
        if self.mistake == "sign":
            delta = -delta
        if self.mistake == "bias not summed over the batch":
            bias_grad = scaled(bias_grad, 1 / len(a))
        if self.mistake == "weight gradient off by 0.05%":
            weight_grad = scaled(weight_grad, 1.0005)
        if self.mistake == "one wrong entry":
            weight_grad = one_entry(weight_grad)
        if self.mistake == "weight gradient transposed":
            weight_grad = transposed(weight_grad)
        if self.mistake == "overwritten, not accumulated":
            weight_grad = overwriting(weight_grad)
        self.weight.accumulate(weight_grad, delta, a)
        self.bias.accumulate(bias_grad, delta)
        if self.mistake == "delta ignored":
            return F.linear_input_grad(np.ones_like(delta), self.weight)
        if self.mistake == "delta permuted":
            delta = delta[::-1]
        delta_a = F.linear_input_grad(delta, self.weight)
        if self.mistake == "input gradient off by 0.05%":
            delta_a = delta_a * 1.0005
        if self.mistake == "one wrong entry of the input":
            delta_a = delta_a.copy()
            delta_a[1, 2] *= 1.001
        if self.mistake == "nan":
            delta_a = delta_a * np.nan
        return delta_a


def changing(gradient, change):
    def changed(*args, out, accumulate):
        fresh = change(gradient(*args))
        out[...] = fresh + (out if accumulate else 0)

    return changed


def scaled(gradient, factor):
    return changing(gradient, lambda g: g * factor)


def transposed(gradient):
    return changing(gradient, lambda g: np.ascontiguousarray(g.T))


def one_entry(gradient):
    def change(g):
        g = g.copy()
        g[2, 1] *= 1.001
        return g

    return changing(gradient, change)


def overwriting(gradient):
    def changed(*args, out, accumulate):
        gradient(*args, out=out, accumulate=False)

    return changed


MISTAKES = {
    "sign": ("weight", "bias", "input"),
    "bias not summed over the batch": ("bias",),
    "weight gradient off by 0.05%": ("weight",),
    "one wrong entry": ("weight",),
    "weight gradient transposed": ("weight",),
    "overwritten, not accumulated": ("weight",),
    "delta ignored": ("input",),
    "delta permuted": ("input",),
    "input gradient off by 0.05%": ("input",),
    "one wrong entry of the input": ("input",),
    "nan": ("input",),
}


@pytest.mark.parametrize("analytic", [True, False], ids=["with the complex step", "by differences alone"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_caught_where_it_is(mistake, analytic, each_kernels):
    report = Planted(mistake, 5, 5, analytic=analytic).check(X)
    assert not report.ok
    assert tuple(row.path for row in report.rows if not row.ok) == MISTAKES[mistake]
    assert all(row.verdict.startswith("WRONG") for row in report.rows if not row.ok)


def test_without_a_mistake_the_planted_layer_passes():
    Planted(None, 5, 5).check(X).raise_if_wrong()


def test_one_wrong_entry_is_named_with_both_values():
    row = {row.path: row for row in Planted("one wrong entry", 5, 5).check(X).rows}["weight"]
    assert row.index == (2, 1)
    assert row.backward == pytest.approx(1.001 * row.numeric)
    assert row.relative == pytest.approx(1e-3, rel=0.01)


@pytest.mark.parametrize("kind", [bp.MSELoss, bp.L1Loss])
def test_a_missing_1_over_n_is_caught(kind):
    class Missing(kind):
        def scale(self, delta, terms):
            return delta

    assert not bp.gradcheck(Missing(), X, X + 0.5).ok


def test_a_loss_that_ignores_its_delta_is_caught():
    class Deaf(bp.MSELoss):
        def backward(self, delta=1):
            return super().backward(1.0)

    report = bp.gradcheck(Deaf(), X, X + 0.5)
    assert not report.ok


def test_a_constant_added_to_delta_is_caught_by_delta_zero():
    class Offset(bp.Tanh):
        def backward(self, delta):
            return super().backward(delta) + 1e-9

    row = Offset().check(X).rows[0]
    assert row.verdict == "WRONG: delta = 0 gives a gradient"


def test_float32_check_catches_a_float32_mistake():
    class Coarse(bp.Tanh):
        def backward(self, delta):
            factor = 1.001 if delta.dtype == np.float32 else 1
            return super().backward(delta) * delta.dtype.type(factor)

    assert not bp.gradcheck(Coarse(), X, dtype=np.float32).ok


def test_a_kink_is_called_a_kink_and_does_not_pass():
    report = bp.ReLU().check(np.array([[1.0, 0.0, -1.0]]))
    assert report.rows[0].verdict == "kink"
    assert report.rows[0].index == (0, 1)
    assert not report.ok


def test_an_entry_near_a_kink_is_decided_by_a_smaller_step():
    bp.ReLU().check(np.array([[1e-3, -1e-3, 3e-4]])).raise_if_wrong()


def test_differences_that_do_not_settle_are_undecided_and_fail():
    class Noisy(bp.Tanh):
        analytic = False
        rng = np.random.default_rng(0)

        def forward(self, a):
            return super().forward(a) * (1 + 1e-5 * self.rng.standard_normal())

    report = Noisy().check(X)
    assert report.rows[0].verdict == "undecided"
    assert not report.ok


def test_the_checked_module_keeps_everything_it_had():
    net = bp.Sequential(bp.Linear(5, 3), bp.Tanh())
    calls = []
    net[0].register_forward_hook(lambda *_: calls.append(1))
    x = X.astype(np.float32)
    net.backward(net(x))
    before = net.state_dict(), net[0].weight.grad.copy(), net.call, x.copy()
    net.check(x).raise_if_wrong()
    assert calls == [1]
    np.testing.assert_array_equal(net[0].weight.data, before[0]["0.weight"])
    np.testing.assert_array_equal(net[0].weight.grad, before[1])
    assert net.call is before[2]
    np.testing.assert_array_equal(x, before[3])


def test_a_large_array_is_sampled_and_the_table_says_so():
    report = bp.gradcheck(bp.Linear(40, 40), np.ones((1, 40)), max_entries=30)
    assert "30 of 1600" in str(report)
    assert report.ok


def test_a_wrong_report_raises_with_its_table():
    with pytest.raises(
        bp.GradientError, match=r"disagrees with finite differences in weight, bias, input\n(.|\n)*rel error"
    ):
        Planted("sign", 5, 5).check(X).raise_if_wrong()


def test_frozen_parameters_are_left_out():
    layer = bp.Linear(5, 3)
    layer.weight.requires_grad = False
    assert [row.path for row in layer.check(X).rows] == ["bias", "input"]


def test_derivatives_of_a_cubic():
    theta = np.array([2.0, -1.0, 0.0])
    entries = np.arange(3)
    derivative, error = central(lambda: float((theta**3).sum()), theta, entries, 9)
    np.testing.assert_allclose(derivative, [12, 3, 0], atol=1e-10)
    assert (error < 1e-8).all()
    assert theta.tolist() == [2, -1, 0]
    z = theta.astype(complex)
    np.testing.assert_allclose(complex_step(lambda: (z**3).sum(), z, entries), [12, 3, 0], rtol=1e-15, atol=1e-50)
    assert z.tolist() == [2, -1, 0]


def test_one_sided_derivatives_differ_at_a_kink():
    theta = np.array([0.0])
    right, left = (one_sided(lambda: float(abs(theta[0])), theta, 0, d, 1)[0] for d in (1, -1))
    np.testing.assert_allclose([right, left], [1, -1])


@pytest.mark.parametrize("size", [1e-8, 1e-4, 1e4, 1e8])
def test_the_verdict_does_not_depend_on_the_size_of_the_output(size):
    class Sized(bp.Tanh):
        factor = 1.0

        def forward(self, a):
            return super().forward(a) * size

        def backward(self, delta):
            return super().backward(delta) * size * self.factor

    Sized().check(X).raise_if_wrong()
    Sized.factor = 1.0005
    assert not Sized().check(X).ok


def test_another_element_type_is_refused():
    with pytest.raises(bp.OptionError, match="np.float64 or np.float32, got float16"):
        bp.gradcheck(bp.Tanh(), X, dtype=np.float16)


def test_a_report_without_a_decided_mistake_says_it_could_not_be_confirmed():
    with pytest.raises(bp.GradientError, match="could not be confirmed in input"):
        bp.ReLU().check(np.array([[0.0]])).raise_if_wrong()


def test_a_mistake_too_small_for_differences_is_caught_by_the_complex_step():
    class Slightly(bp.Tanh):
        def backward(self, delta):
            return super().backward(delta) * (1 + 1e-9)

    assert Slightly().check(X).rows[0].verdict == "WRONG: by the complex step"


@pytest.mark.parametrize("returned", [(4, 25), (4, 5, 1), (8, 5), ()])
def test_a_delta_of_the_wrong_shape_is_caught(returned):
    class Misshapen(bp.Tanh):
        def backward(self, delta):
            return np.resize(super().backward(delta), returned)

    assert Misshapen().check(X).rows[0].verdict == f"WRONG: backward returned shape {returned}"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_saturated_but_right_layers_pass(dtype):
    """Where a gradient all but vanishes, round-off in a right backward is no mistake."""
    cases = [
        (bp.Tanh(), [[15.0, 16.0]]),
        (bp.Sigmoid(), [[20.0, 21.0]]),
        (bp.Softmax(), [[20.0, 0, 0], [0, 25, 0]]),
    ]
    for module, x in cases:
        bp.gradcheck(module, np.array(x), dtype=dtype).raise_if_wrong()
    z = np.array([[20.0, 0, 0], [0, 25, 0]])
    bp.gradcheck(bp.CrossEntropyLoss(), z, np.array([0, 1]), dtype=dtype).raise_if_wrong()


def test_a_right_layer_too_near_its_kink_is_undecided_or_a_kink_not_wrong():
    x = 1e-6 * np.random.default_rng(0).standard_normal((5, 4))
    row = bp.ReLU().check(x).rows[0]
    assert row.verdict in ("undecided", "kink")


def test_a_single_number_can_be_checked_and_odd_requests_are_refused():
    bp.gradcheck(bp.Tanh(), np.array(0.5)).raise_if_wrong()
    bp.gradcheck(bp.CrossEntropyLoss(reduction="none"), np.array([1.0, 2.0]), np.array(1)).raise_if_wrong()
    with pytest.raises(bp.OptionError, match="inputs must be finite"):
        bp.Tanh().check(np.array([np.nan]))
    with pytest.raises(bp.OptionError, match="max_entries must be at least 1"):
        bp.gradcheck(bp.Tanh(), X, max_entries=0)


class InPlace(bp.Module):
    """A right layer that does something to what it is given."""

    def __init__(self, what):
        self.what, self.gamma = what, bp.Parameter([1.0, 2.0, 3.0])

    def forward(self, a):
        u = a * self.gamma.data
        self.cache = a.copy()
        if self.what == "input":
            a *= 3
        if self.what == "parameter":
            self.gamma.data[...] *= 2
        return u

    def backward(self, delta):
        self.gamma.accumulate((delta * self.cache).sum(axis=0))
        gamma = self.gamma.data / (2 if self.what == "parameter" else 1)
        if self.what == "delta":
            delta *= gamma
            return delta
        return delta * gamma


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("delta", "backward overwrites the delta it is given"),
        ("input", "forward overwrites its input"),
        ("parameter", "forward changes its parameter gamma"),
    ],
)
def test_what_a_layer_does_to_its_arrays_does_not_change_the_verdict_and_is_told(what, words):
    """A right backward that wrote into its delta was called wrong, by a constant factor of 0.125."""
    x = np.random.default_rng(0).standard_normal((4, 3))
    layer = InPlace(what)
    for module in (layer, bp.Sequential(layer)):
        report = bp.gradcheck(module, x)
        if what != "parameter":
            assert report.ok, report
        assert words in str(report)
    assert layer.gamma.data.tolist() == [1, 2, 3]


def test_a_forward_that_draws_anew_is_told():
    class Noise(bp.Module):
        def forward(self, a):
            self.cache = np.random.default_rng().standard_normal(a.shape)
            return a * self.cache

        def backward(self, delta):
            return delta * self.cache

    report = bp.gradcheck(Noise(), np.ones((2, 3)))
    assert "two calls with the same input give different values" in report.notes[0]


def test_a_layer_that_spoils_its_neighbours_cache_is_named_in_a_network():
    net = bp.Sequential(bp.Sigmoid(), InPlace("input"))
    report = bp.gradcheck(net, np.random.default_rng(0).standard_normal((4, 3)))
    assert not report.ok
    assert "layer 1, InPlace(): note: forward overwrites its input" in str(report)


def test_the_check_leaves_everything_as_it_was():
    for example in EXAMPLES:
        inputs = [np.array(a) for a in example.inputs]
        state = example.module.state_dict()
        bp.gradcheck(example.module, *example.inputs, max_entries=2)
        assert all(map(np.array_equal, inputs, example.inputs))
        assert all(np.array_equal(array, state[name]) for name, array in example.module.state_dict().items())


class Surplus(bp.Module):
    def forward(self, a):
        return 2 * a

    def backward(self, delta):
        return 2 * delta, None


def test_a_backward_that_answers_more_inputs_than_there_are_is_told_as_such():
    with pytest.raises(bp.ShapeError, match="backward returns 2 deltas, forward was given 1 inputs"):
        bp.gradcheck(Surplus(), np.ones((2, 3)))
