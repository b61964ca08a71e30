"""Layers that equal others: each of these is a lesson, at random sizes, forward and backward, in float64.

Two modules are compared by their outputs for one input, by the deltas that they return, and by their parameters'
gradients, where each test says how the parameters of the two correspond.
"""

import numpy as np
import pytest

import backprop as bp
from backprop import functional as F

SEEDS = range(6)


@pytest.fixture(params=SEEDS)
def draw(request):
    return np.random.default_rng(request.param)


def sizes(rng, count, low=1, high=6):
    return [int(size) for size in rng.integers(low, high, count)]


def agree(one, other, x, rng, parameters=(), other_x=None):
    """Both give the same output and hand down the same delta; `parameters` are pairs (of one, of the other as such)."""
    z, w = one(x), other(x if other_x is None else other_x)
    np.testing.assert_allclose(z, w.reshape(z.shape), rtol=1e-10, atol=1e-12)
    delta = rng.standard_normal(z.shape)
    below, under = one.backward(delta), other.backward(delta.reshape(w.shape))
    if below is not None and under is not None:
        np.testing.assert_allclose(below, under.reshape(below.shape), rtol=1e-9, atol=1e-11)
    for own, theirs in parameters:
        np.testing.assert_allclose(own.grad, theirs.grad.reshape(own.shape), rtol=1e-9, atol=1e-11)


def doubled(*modules):
    return [module.to(np.float64) for module in modules]


def test_a_convolution_of_1_x_1_is_a_linear_layer_at_every_place(draw, each_kernels):
    n, i, o, h, w = sizes(draw, 5)
    conv, linear = doubled(bp.Conv2d(i, o, 1), bp.Linear(i, o))
    linear.weight.data[...], linear.bias.data[...] = conv.weight.data[:, :, 0, 0], conv.bias.data
    x = draw.standard_normal((n, i, h, w))
    z, delta = conv(x), draw.standard_normal((n, o, h, w))
    by_place = linear(x.transpose(0, 2, 3, 1))
    np.testing.assert_allclose(z, by_place.transpose(0, 3, 1, 2), rtol=1e-12)
    below, under = conv.backward(delta), linear.backward(delta.transpose(0, 2, 3, 1))
    np.testing.assert_allclose(below, under.transpose(0, 3, 1, 2), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(conv.weight.grad[:, :, 0, 0], linear.weight.grad, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(conv.bias.grad, linear.bias.grad, rtol=1e-11, atol=1e-13)


def test_a_convolution_whose_filter_is_as_large_as_the_image_is_a_linear_layer(draw, each_kernels):
    n, c, o, h, w = sizes(draw, 5)
    conv = bp.Conv2d(c, o, (h, w), dtype=np.float64)
    linear = bp.Linear(c * h * w, o, dtype=np.float64)
    linear.weight.data[...], linear.bias.data[...] = conv.weight.data.reshape(o, -1), conv.bias.data
    pairs = [(conv.weight, linear.weight), (conv.bias, linear.bias)]
    agree(conv, bp.Sequential(bp.Flatten(), linear), draw.standard_normal((n, c, h, w)), draw, pairs)


def test_one_group_is_a_layer_normalisation_over_channels_and_places(draw, each_kernels):
    n, c, h, w = sizes(draw, 4, 2)
    group, layer = doubled(bp.GroupNorm(1, c, affine=False), bp.LayerNorm((c, h, w), elementwise_affine=False))
    agree(group, layer, draw.standard_normal((n, c, h, w)), draw)


def test_as_many_groups_as_channels_are_a_batch_normalisation_of_each_sample_alone(draw, each_kernels):
    """Instance normalisation: a batch of one sample."""
    n, c, h, w = sizes(draw, 4, 2)
    group, batch = doubled(bp.GroupNorm(c, c), bp.BatchNorm2d(c))
    x, delta = draw.standard_normal((n, c, h, w)), draw.standard_normal((n, c, h, w))
    z = group(x)
    below = group.backward(delta)
    for k in range(n):
        np.testing.assert_allclose(z[k], batch(x[k : k + 1])[0], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(below[k], batch.backward(delta[k : k + 1])[0], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(group.weight.grad, batch.weight.grad, rtol=1e-9, atol=1e-11)


def test_batch_normalisation_in_evaluation_scales_and_shifts(draw, each_kernels):
    n, c, length = sizes(draw, 3)
    layer = bp.BatchNorm1d(c, dtype=np.float64).eval()
    for array in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
        array.data[...] = draw.uniform(0.5, 2, c)
    gain = layer.weight.data / np.sqrt(layer.running_var.data + layer.eps)
    shift = layer.bias.data - gain * layer.running_mean.data
    x, delta = draw.standard_normal((2, n, c, length))
    np.testing.assert_allclose(layer(x), gain[:, None] * x + shift[:, None], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(layer.backward(delta), gain[:, None] * delta, rtol=1e-12)


def test_rms_normalisation_of_a_centred_row_is_layer_normalisation(draw, each_kernels):
    n, f = sizes(draw, 2, 2)
    x = draw.standard_normal((n, f))
    rms, layer = bp.RMSNorm(f, eps=1e-5, dtype=np.float64), bp.LayerNorm(f, dtype=np.float64)
    np.testing.assert_allclose(rms(x - x.mean(axis=1, keepdims=True)), layer(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_hubers_loss_of_width_1_is_the_smooth_absolute_one_and_wide_it_is_half_the_square(
    draw, reduction, each_kernels
):
    a, b = 2 * draw.standard_normal((2, *sizes(draw, 2)))
    for width in (1.0, 0.3, 100.0):
        huber, smooth = bp.HuberLoss(delta=width, reduction=reduction), bp.SmoothL1Loss(beta=width, reduction=reduction)
        assert huber(a, b) == pytest.approx(width * smooth(a, b))
        np.testing.assert_allclose(huber.backward(), width * smooth.backward(), rtol=1e-12)
    square = bp.MSELoss(reduction=reduction)
    assert huber(a, b) == pytest.approx(square(a, b) / 2)
    np.testing.assert_allclose(huber.backward(), square.backward() / 2, rtol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_is_log_softmax_and_the_negative_log_likelihood(draw, reduction, each_kernels):
    n, c, d = sizes(draw, 3, 2)
    z, y, w = draw.standard_normal((n, c, d)), draw.integers(0, c, (n, d)), draw.uniform(0.1, 2, c)
    y.flat[0] = -100
    options = {"weight": w, "reduction": reduction}
    whole, log, nll = bp.CrossEntropyLoss(**options), bp.LogSoftmax(dim=1), bp.NLLLoss(**options)
    np.testing.assert_allclose(whole(z, y), nll(log(z), y), rtol=1e-12)
    delta = draw.standard_normal((n, d)) if reduction == "none" else 0.7
    np.testing.assert_allclose(whole.backward(delta), log.backward(nll.backward(delta)), rtol=1e-9, atol=1e-13)


def test_cross_entropy_of_two_classes_is_the_binary_one_of_their_difference(draw, each_kernels):
    n = sizes(draw, 1)[0]
    z, y = draw.standard_normal((n, 2)), draw.integers(0, 2, n)
    two, one = bp.CrossEntropyLoss(), bp.BCEWithLogitsLoss()
    assert two(z, y) == pytest.approx(one(z[:, 1] - z[:, 0], y.astype(float)))
    np.testing.assert_allclose(two.backward()[:, 1], one.backward(), rtol=1e-9, atol=1e-13)


def test_cross_entropy_against_probabilities_is_a_divergence_up_to_their_entropy(draw, each_kernels):
    n, c = sizes(draw, 2, 2)
    z, q = draw.standard_normal((n, c)), draw.dirichlet(np.ones(c), n)
    cross, divergence = bp.CrossEntropyLoss(), bp.KLDivLoss(reduction="batchmean")
    log = bp.LogSoftmax()
    assert cross(z, q) == pytest.approx(divergence(log(z), q) - (q * np.log(q)).sum() / n)
    np.testing.assert_allclose(cross.backward(), log.backward(divergence.backward()), rtol=1e-9, atol=1e-13)


def test_binary_cross_entropy_of_scores_is_that_of_their_sigmoids(draw, each_kernels):
    z, y = draw.standard_normal((2, *sizes(draw, 2)))
    y = abs(y) % 1
    whole, sigmoid, bce = bp.BCEWithLogitsLoss(), bp.Sigmoid(), bp.BCELoss()
    assert whole(z, y) == pytest.approx(bce(sigmoid(z), y))
    np.testing.assert_allclose(whole.backward(), sigmoid.backward(bce.backward()), rtol=1e-9, atol=1e-13)


def test_a_layer_of_padding_and_a_convolution_are_a_padded_convolution(draw, each_kernels):
    n, c, o, h, w = sizes(draw, 5, 2)
    pad, size, stride, dilation = (
        sizes(draw, 2, 0, 3),
        sizes(draw, 2, 1, 3),
        sizes(draw, 2, 1, 3),
        sizes(draw, 2, 1, 2),
    )
    whole = bp.Conv2d(c, o, tuple(size), tuple(stride), tuple(pad), tuple(dilation), dtype=np.float64)
    bare = bp.Conv2d(c, o, tuple(size), tuple(stride), 0, tuple(dilation), dtype=np.float64)
    bare.load_state_dict(whole.state_dict())
    margin = bp.ZeroPad2d((pad[1], pad[1], pad[0], pad[0]))
    pairs = [(whole.weight, bare.weight), (whole.bias, bare.bias)]
    agree(whole, bp.Sequential(margin, bare), draw.standard_normal((n, c, h + 2, w + 2)), draw, pairs)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_transposed_convolution_is_a_convolutions_adjoint(draw, axes, each_kernels):
    """<Conv a, d> = <a, ConvTranspose d> for every a and d."""
    groups, n = sizes(draw, 2, 1, 3)
    c, o = (groups * size for size in sizes(draw, 2, 1, 4))
    size, stride, pad = (tuple(sizes(draw, axes, 1, 4)), tuple(sizes(draw, axes, 1, 3)), tuple(sizes(draw, axes, 0, 1)))
    conv = getattr(bp, f"Conv{axes}d")(c, o, size, stride, pad, groups=groups, bias=False, dtype=np.float64)
    places = sizes(draw, axes, 1, 4)  # as many as fit without a rest
    image = [s * (i - 1) + k - 2 * p for i, s, k, p in zip(places, stride, size, pad, strict=True)]
    back = getattr(bp, f"ConvTranspose{axes}d")(o, c, size, stride, pad, groups=groups, bias=False, dtype=np.float64)
    back.weight.data[...] = conv.weight.data
    a, d = draw.standard_normal((n, c, *image)), draw.standard_normal((n, o, *places))
    assert np.sum(conv(a) * d) == pytest.approx(np.sum(a * back(d)), rel=1e-9, abs=1e-10)
    np.testing.assert_allclose(conv.backward(d), back(d), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(back.backward(a), conv(a), rtol=1e-9, atol=1e-11)


def test_an_embedding_is_a_linear_layer_of_one_hot_vectors(draw, each_kernels):
    v, d, n = sizes(draw, 3, 2)
    words, linear = bp.Embedding(v, d, dtype=np.float64), bp.Linear(v, d, bias=False, dtype=np.float64)
    linear.weight.data[...] = words.weight.data.T
    index = draw.integers(0, v, (n, 3))
    np.testing.assert_allclose(words(index), linear(np.eye(v)[index]), rtol=1e-12)
    delta = draw.standard_normal((n, 3, d))
    words.backward(delta), linear.backward(delta)
    np.testing.assert_allclose(words.weight.grad, linear.weight.grad.T, rtol=1e-12, atol=1e-14)


def test_average_pooling_is_a_convolution_of_each_channel_with_equal_weights(draw, each_kernels):
    n, c = sizes(draw, 2)
    size, stride = tuple(sizes(draw, 2, 1, 4)), tuple(sizes(draw, 2, 1, 4))
    pad = tuple(int(draw.integers(0, k // 2 + 1)) for k in size)
    mean = bp.AvgPool2d(size, stride, pad)
    conv = bp.Conv2d(c, c, size, stride, pad, groups=c, bias=False, dtype=np.float64)
    conv.weight.data[...] = 1 / np.prod(size)
    agree(mean, conv, draw.standard_normal((n, c, 7, 6)), draw)


def test_a_pooling_that_adapts_is_an_ordinary_one_where_sizes_divide(draw, each_kernels):
    n, c, places, size = sizes(draw, 4)
    x = draw.standard_normal((n, c, places * size))
    agree(bp.AdaptiveAvgPool1d(places), bp.AvgPool1d(size), x, draw)


def test_a_stack_of_linear_layers_is_one_of_them(draw, each_kernels):
    n, i, h, o = sizes(draw, 4)
    stack = bp.Sequential(bp.Linear(i, h), bp.Linear(h, o)).to(np.float64)
    one = bp.Linear(i, o, dtype=np.float64)
    one.weight.data[...] = stack[1].weight.data @ stack[0].weight.data
    one.bias.data[...] = stack[1].weight.data @ stack[0].bias.data + stack[1].bias.data
    agree(stack, one, draw.standard_normal((n, i)), draw, [(stack[1].bias, one.bias)])


@pytest.mark.parametrize("kind", ["softmax", "relu", "tanh", "hardswish", "celu", "softplus"])
def test_activations_that_are_made_of_others(draw, kind, each_kernels):
    u = draw.uniform(-4, 4, sizes(draw, 2, 2))
    sigmoid, relu = bp.Sigmoid(), bp.ReLU()
    pairs = {
        "softmax": (bp.Softmax()(u), np.exp(bp.LogSoftmax()(u))),
        "relu": (relu(u), bp.LeakyReLU(0.0)(u)),
        "tanh": (bp.Tanh()(u), 2 * sigmoid(2 * u) - 1),
        "hardswish": (bp.Hardswish()(u), u * bp.Hardsigmoid()(u)),
        "celu": (bp.CELU(1.0)(u), bp.ELU(1.0)(u)),
        "softplus": (bp.Softplus()(u), -bp.LogSigmoid()(-u)),
    }
    np.testing.assert_allclose(*pairs[kind], rtol=1e-12, atol=1e-14)


class Unrolled(bp.Graph):
    """A recurrent layer's formulas, written out step by step with values."""

    def __init__(self, layer):
        self.layer, self.hidden = layer, layer.hidden_size

    def build(self, x):
        w, u, b, e = (getattr(self.layer, f"{n}_l0") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        h = c = bp.Value(np.zeros((x.shape[1], self.hidden)), requires_grad=False)
        states = []
        for x_t in x:
            p, q = x_t @ bp.Value(w).T + b, h @ bp.Value(u).T + e
            h, c = getattr(self, type(self.layer).__name__.lower())(p, q, h, c)
            states.append(h)
        return np.stack(states)

    def parts(self, a):
        return [a[:, k : k + self.hidden] for k in range(0, a.shape[1], self.hidden)]

    def rnn(self, p, q, h, c):
        return np.tanh(p + q), c  # (33)

    def gru(self, p, q, h, c):
        (p_r, p_z, p_n), (q_r, q_z, q_n) = self.parts(p), self.parts(q)
        r, z = (p_r + q_r).sigmoid(), (p_z + q_z).sigmoid()
        n = np.tanh(p_n + r * q_n)
        return (1 - z) * n + z * h, c  # (34)

    def lstm(self, p, q, h, c):
        i, f, g, o = self.parts(p + q)
        c = f.sigmoid() * c + i.sigmoid() * np.tanh(g)
        return o.sigmoid() * np.tanh(c), c  # (35)


@pytest.mark.parametrize("kind", [bp.RNN, bp.GRU, bp.LSTM])
def test_a_recurrent_layer_is_its_formulas_unrolled_in_a_graph(draw, kind, each_kernels):
    length, n, i, h = sizes(draw, 4)
    layer = kind(i, h, dtype=np.float64)
    graph = Unrolled(kind(i, h, dtype=np.float64))
    graph.layer.load_state_dict(layer.state_dict())
    pairs = list(zip(layer.parameters(), graph.layer.parameters(), strict=True))
    agree(layer, graph, draw.standard_normal((length, n, i)), draw, pairs)


def test_a_graph_convolution_over_no_edges_is_a_linear_layer(draw, each_kernels):
    n, nodes, i, o = sizes(draw, 4)
    layer, linear = bp.GraphConv(i, o, dtype=np.float64), bp.Linear(i, o, dtype=np.float64)
    linear.load_state_dict(layer.linear.state_dict())
    x, delta = draw.standard_normal((n, nodes, i)), draw.standard_normal((n, nodes, o))
    np.testing.assert_allclose(layer(x, np.eye(nodes)), linear(x), rtol=1e-12, atol=1e-14)
    below = layer.backward(delta)
    below = below[0] if isinstance(below, tuple) else below
    np.testing.assert_allclose(below, linear.backward(delta), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(layer.linear.weight.grad, linear.weight.grad, rtol=1e-11, atol=1e-13)


def test_dropout_in_evaluation_and_flatten_then_unflatten_change_nothing(draw):
    n, c, h = sizes(draw, 3)
    x = draw.standard_normal((n, c, h))
    same = bp.Sequential(bp.Dropout(0.5).eval(), bp.Flatten(), bp.Unflatten(1, (c, h)))
    np.testing.assert_array_equal(same(x), x)
    np.testing.assert_array_equal(same.backward(x), x)


def test_a_circular_margin_rolls_with_the_image(draw, each_kernels):
    n, c, w = sizes(draw, 3, 3, 7)
    pad, by = int(draw.integers(1, w)), int(draw.integers(1, w))
    x = draw.standard_normal((n, c, w))
    layer = bp.CircularPad1d(pad)
    np.testing.assert_array_equal(layer(np.roll(x, by, -1))[..., pad : pad + w], np.roll(x, by, -1))
    np.testing.assert_array_equal(F.pad(x, [(pad, pad)], "circular"), x[..., np.arange(-pad, w + pad) % w])
