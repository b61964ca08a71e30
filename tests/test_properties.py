"""What holds for every public layer and loss, whatever it computes: tested on each example in the package."""

import copy

import numpy as np
import pytest

import backprop as bp
from backprop import kernels
from backprop.graph import Graph
from backprop.lecture.examples import examples

EXAMPLES = examples()
NAMES = [f"{type(e.module).__name__}-{e.title}" for e in EXAMPLES]
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def converted(a, dtype):
    return a.astype(dtype) if a.dtype.kind == "f" else a.copy()


class Once:
    """A copy of an example in one element type, that draws the same random numbers in every call."""

    def __init__(self, example, dtype):
        self.module = example.module.bare_copy().to(dtype)
        self.inputs = [converted(a, dtype) for a in example.inputs]
        self.streams = [(s, s.seed, s.step) for _, s in self.module.named_streams()]
        self.buffers = [(b, b.data.copy()) for _, b in self.module.named_buffers()]
        output = self.forward()
        rng = np.random.default_rng(0)
        self.delta = rng.standard_normal(output.shape).astype(dtype) if isinstance(output, np.ndarray) else 0.5

    def forward(self, inputs=None):
        for stream, seed, step in self.streams:
            stream.seek(seed, step)
        for buffer, data in self.buffers:
            buffer.data[...] = data
        return self.module(*(self.inputs if inputs is None else inputs))

    def gradients(self):
        return {name: None if p.grad is None else p.grad.copy() for name, p in self.module.named_parameters()}

    def both(self, inputs=None, delta=None):
        """All that forward and backward give: output, the deltas below, the parameters' gradients."""
        self.module.zero_grad()
        output = self.forward(inputs)
        below = self.module.backward(self.delta if delta is None else delta)
        below = below if isinstance(below, tuple) else (below,)
        return [np.array(a) for a in (output, *below, *self.gradients().values()) if a is not None]


@each_dtype
@each_example
def test_forward_and_backward_leave_inputs_delta_parameters_and_targets_as_they_were(example, dtype, each_kernels):
    once = Once(example, dtype)
    given = [*once.inputs, once.delta, *[p.data for p in once.module.parameters()]]
    before = copy.deepcopy(given)
    once.both()
    assert all(map(np.array_equal, given, before))


@each_dtype
@each_example
def test_a_second_pass_adds_to_the_gradients_and_twice_the_same_layer_too(example, dtype, each_kernels):
    once = Once(example, dtype)
    once.both()
    single = once.gradients()
    once.forward()
    once.module.backward(once.delta)
    first = once.module.call
    once.module.zero_grad()
    double = once.gradients()
    once.forward()
    second = once.module.call
    for call in (second, first):  # one layer that stands at two places of a network: two calls, then two backwards
        once.module.recall(call)
        once.module.backward(once.delta)
    for name, gradient in single.items():
        assert double[name] is None
        if gradient is not None:
            tolerance = 1e-5 if dtype == np.float32 else 1e-12
            np.testing.assert_allclose(once.gradients()[name], 2 * gradient, tolerance, tolerance)


def layouts(a):
    """The same numbers in other places: (words, array)."""
    if not isinstance(a, np.ndarray) or a.ndim == 0:
        return
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    behind = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype)[: a.size].reshape(a.shape)
    behind[...] = a
    fixed = a.copy()
    fixed.flags.writeable = False
    yield "in the order of Fortran", np.asfortranarray(a)
    yield "every second of more", wide[..., ::2]
    yield "from the end", np.ascontiguousarray(a[::-1])[::-1]
    yield "not aligned", behind
    yield "read only", fixed
    yield "a memory map's class", a.view(np.memmap)


@each_dtype
@each_example
def test_any_layout_in_memory_gives_the_same_bits_and_compiles_nothing_new(example, dtype, each_kernels):
    """A strided delta, or a read-only array, compiled every kernel once more, and changed last bits."""
    once, compiled = Once(example, dtype), []
    expected = once.both()
    with kernels.on_compile(compiled.append):
        for place, a in enumerate([*once.inputs, once.delta]):
            for words, other in layouts(a):
                inputs, delta = list(once.inputs), once.delta
                if place < len(inputs):
                    inputs[place] = other
                else:
                    delta = other
                found = once.both(inputs, delta)
                assert all(map(np.array_equal, found, expected)), words
    assert not compiled


SEQUENCES = bp.RNN, bp.GRU, bp.LSTM  # whose batch is the second axis
NO_BATCH = {"rank 1", "four nodes in a row", "one cell in every step"}


@each_example
def test_an_empty_batch_gives_an_empty_batch_and_no_gradient(example, each_kernels):
    if example.title in NO_BATCH or isinstance(example.module, (*SEQUENCES, bp.models.blocks.RowByRow, bp.CTCLoss)):
        return
    once = Once(example, np.float64)
    inputs = [a[:0] for a in once.inputs]
    before = example.module.bare_copy().to(np.float64).state_dict().values()
    output = once.forward(inputs)
    delta = np.zeros(output.shape) if isinstance(output, np.ndarray) else 1.0
    once.module.zero_grad()
    below = once.module.backward(delta)
    if isinstance(output, np.ndarray):
        assert len(output) == 0
    else:
        assert output == 0 or np.isnan(output)  # a sum over nothing, or a mean
    for delta_of, a in zip(below if isinstance(below, tuple) else (below,), inputs, strict=False):
        assert delta_of is None or delta_of.shape == a.shape
    assert all(gradient is None or not gradient.any() for gradient in once.gradients().values())
    assert all(map(np.array_equal, before, once.module.state_dict().values()))


EXTREME = np.array([0, 1e-38, 1e-20, 1e-3, 1, 3, 20, 100, 1e10, 1e19, 1e20, 1e30, 1e38])
SLIDING = "Conv", "ConvTranspose", "AvgPool", "AdaptiveAvgPool"
MODERATE = (  # whose values are products and sums of many inputs: those overflow where they should
    *(bp.Linear, bp.Sequential, *SEQUENCES, bp.GraphConv, Graph, bp.MultiheadAttention),
    *(bp.TripletMarginLoss, bp.GaussianNLLLoss),  # squares, which overflow in PyTorch's, too
    *[getattr(bp, f"{kind}{n}d") for kind in SLIDING for n in (1, 2, 3)],
)


def extremes(a, rng):
    if a.dtype.kind != "f":
        return a
    return (rng.choice([-1, 1], a.shape) * rng.choice(EXTREME, a.shape)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
@each_example
def test_of_extreme_numbers_nothing_becomes_nan_that_is_finite(example, seed, each_kernels):
    """Against the same in float64: what is a float32 there is no NaN here, nor infinite."""
    if isinstance(example.module, MODERATE):
        return
    rng = np.random.default_rng(seed)
    single = Once(example, np.float32)
    inputs = [extremes(a, rng) for a in single.inputs]
    if isinstance(example.module, bp.Loss):
        inputs[1:] = single.inputs[1:]
        if isinstance(example.module, (bp.BCELoss, bp.NLLLoss, bp.KLDivLoss)):
            inputs[0] = -abs(inputs[0]) if not isinstance(example.module, bp.BCELoss) else 1 / (1 + abs(inputs[0]))
    double = Once(example, np.float64)
    with np.errstate(all="ignore"):
        found = single.both(inputs)
        expected = double.both([converted(a, np.float64) for a in inputs])
    for one, other in zip(found, expected, strict=True):
        right = np.isfinite(other) & (abs(other) < 1e38)
        assert np.isfinite(one[right]).all()
