"""At least one small call of every kernel in the contract: all sets of kernels must compute what the reference does.

A case is (name, arguments): NumPy arrays, some of which the kernel changes, and numbers. The arguments of an optimizer
begin with columns of arrays, which `all_parameters` turns into one argument.
"""

import numpy as np

from backprop.kernels import load

WITH_A_NUMBER = "leaky_relu", "elu", "celu", "hardshrink", "softshrink"  # of the activations


def kernel_of(k, name):
    """The function of a kernel set that is called `name`: "relu", or "ACTIVATIONS.elu.forward"."""
    table, _, rest = name.partition(".")
    if not rest:
        return getattr(k, name)
    row, way = rest.split(".")
    return getattr(k, table)[row][("forward", "backward").index(way)]


class Columns(list):
    """What becomes one argument of an optimizer's kernel."""


def cases(dtype, seed=0):
    """A list of (name, arguments)."""
    rng = np.random.default_rng(seed)

    def x(*shape):
        return (rng.choice([-1, 1], shape) * rng.uniform(0.1, 2, shape)).astype(dtype)

    def unit(*shape):
        return rng.uniform(0.1, 0.9, shape).astype(dtype)

    def out(*shape, like=dtype):
        return np.full(shape, 7, like)  # what a kernel adds to, or must overwrite

    return [
        *_products(x, out),
        *_elements(x, unit, out),
        *_channels(x, unit, out),
        *_images(x, out),
        *_classes(rng, x, unit, out, dtype),
        *_batches(rng, x, out),
        *_sequences(x, unit, out),
        *_attention(rng, x, unit, out),
        *_optimizers(x, unit, dtype),
    ]


def _products(x, out):
    for n, o, i in ((5, 3, 7), (1, 1, 1), (4, 9, 70), (3, 2, 0)):
        for add in (False, True):
            yield "matmul_nt", (x(n, i), x(o, i), out(n, o), add)
            yield "matmul_tn", (x(i, n), x(i, o), out(n, o), add)
            yield "matmul_nn", (x(n, i), x(i, o), out(n, o), add)
        for relu in (False, True):
            yield "linear", (x(n, i), x(o, i), x(o), relu, out(n, o))
    yield "add_bias", (x(4, 3), x(3), out(4, 3))
    for add in (False, True):
        yield "sum_rows", (x(7, 5), out(5), add)
        yield "sum_rows", (x(1, 33), out(33), add)


def _elements(x, unit, out):
    k = load("reference")
    for name in ("relu", "sigmoid", "tanh"):
        yield name, (x(7), out(7))
        yield f"{name}_backward", (x(7), unit(7) if name == "sigmoid" else x(7) / 2, out(7))
    for name in ("add", "multiply", "weigh"):
        yield name, (x(7), x(7), out(7))
    yield "fill", (2.5, out(7))
    options = {"softplus": (2.0, 1.5), "hardtanh": (-1.0, 0.5)}
    for name in k.ACTIVATIONS:
        given = options.get(name, (0.3,) if name in WITH_A_NUMBER else ())
        u = 3 * x(9)
        yield f"ACTIVATIONS.{name}.forward", (u, given, out(9))
        yield f"ACTIVATIONS.{name}.backward", (x(9), u, given, out(9))
    for name in k.ERRORS:
        given = (0.4,) if name in ("huber", "smooth_l1", "poisson_mean") else ()
        a, b = (unit(9), unit(9)) if name in ("bce", "kl_div", "poisson_mean") else (x(9), x(9))
        yield f"ERRORS.{name}.forward", (a, b, given, out(9))
        yield f"ERRORS.{name}.backward", (a, b, given, 0.25, out(9))
    yield "total", (x(9), out(1))
    for values in (x(9), np.arange(9)):
        yield "first_outside", (values, 0, 5, out(1, like=np.int64))
    yield "first_outside", (unit(9), 0, 1, out(1, like=np.int64))
    for n, d in ((6, 1), (3, 4)):
        yield "dropout", (x(n, d), np.array([1 << 63 | 12345], np.uint64), 0.4, out(n, d))
    yield "dropout", (x(3, 1), np.array([1], np.uint64), 1.0, out(3, 1))


# u's shape, and that in which each gamma has an index: batch norm of images and of vectors, layer norm, group norm of
# images and of vectors, RMS norm of single numbers.
NORMALIZED = [
    ((3, 4, 5), (3, 4, 5)), ((5, 4, 1), (5, 4, 1)), ((1, 6, 5), (6, 5, 1)), ((1, 6, 4), (3, 4, 2)),
    ((1, 6, 2), (3, 4, 1)), ((1, 6, 1), (6, 1, 1)),
]  # fmt: skip


def _channels(x, unit, out):
    for shape in ((3, 4, 2), (1, 3, 5), (5, 2, 1)):
        c = shape[1]
        u, delta = x(*shape), x(*shape)
        yield "add_channels", (u, x(c), out(*shape))
        yield "moments", (u, 1e-5, out(c), out(c), out(c))
        yield "root_mean_square", (u, 1e-5, out(c))
        yield "spread_of", (unit(c), 1e-5, out(c))
        yield "prelu", (u, x(c), out(*shape))
        yield "prelu_backward", (delta, u, x(c), out(*shape))
        for add in (False, True):
            yield "sum_channels", (delta, out(c), add)
            yield "prelu_weight_grad", (delta, u, out(c), add)
        for name in ("softmax", "log_softmax"):
            yield name, (3 * u, out(*shape))
            yield f"{name}_backward", (delta, unit(*shape) - (name == "log_softmax"), out(*shape))
    for shape, by_gamma in NORMALIZED:
        c, g = shape[1], by_gamma[1]
        u, delta, mean, spread, gamma = x(*shape), x(*by_gamma), x(c), unit(c), x(g)
        yield "normalize", (u, mean, spread, gamma, x(g), out(*by_gamma))
        for flag in (False, True):
            yield "normalize_backward", (delta, u, mean, spread, gamma, flag, out(*shape))
            yield "dot_normalized", (delta, u, mean, spread, out(g), flag)
    yield "track", (x(4), 0.1, 1.25, x(4))
    for name in ("softmax", "log_softmax"):
        yield name, (1000 * x(2, 3, 1), out(2, 3, 1))  # whose exponentials have no place in any type
    for add in (False, True):
        yield "sum_channels", (x(1, 2, 13501), out(2), add)  # so long that several blocks share the sum


def _images(x, out):
    from tests.kernels.shapes import CONVOLUTIONS, POOLS, positions

    for n, c, o, image, taps, stride, dilation, pad, groups in CONVOLUTIONS:
        where = positions(image, taps, stride, dilation, pad)
        options, a, filters = (stride, dilation, pad, groups), x(n, c, *image), x(o, c // groups, *taps)
        for relu, mu in ((False, x(o)), (True, x(o)), (False, x(0))):
            yield "conv", (a, filters, mu, relu, *options, out(n, o, *where))
        for add in (False, True):
            yield "conv_weight_grad", (x(n, o, *where), a, *options, out(o, c // groups, *taps), add)
        yield "conv_input_grad", (x(n, o, *where), filters, *options, out(n, c, *image))
    for n, c, image, size, stride, dilation, pad in POOLS:
        where = positions(image, size, stride, dilation, pad)
        found, places = out(n, c, *where), out(n, c, *where, like=np.int64)
        a = x(n, c, *image)
        yield "max_pool", (a, size, stride, dilation, pad, found, places)
        yield "max_pool", (np.sign(a), size, stride, dilation, pad, found, places)  # many are the largest
        taken = places.copy()
        load("reference").max_pool(a, size, stride, dilation, pad, found.copy(), taken)
        flat = n, c, int(np.prod(where))
        yield "max_pool_backward", (x(*flat), taken.reshape(flat), out(n, c, int(np.prod(image))))
    places = np.array([[0, 1, 4], [5, 5, 5], [7, 2, 8]])
    for a in (x(6, 9), np.sign(x(6, 9))):
        yield "largest", (a, places, out(6, 3), out(6, 3, like=np.int64))
    pool = (1, 2, 2), (1, 2, 2), (1, 1, 1), (0, 0, 0)
    for relu in (False, True):
        args = x(2, 1, 1, 6, 6), x(2, 1, 1, 3, 3), x(2), relu, (1, 1, 1), (1, 1, 1), (0, 0, 0), 1, (1, 4, 4)
        yield "conv_max_pool", (*args, *pool, out(2, 2, 1, 2, 2), out(2, 2, 1, 2, 2, like=np.int64))
    start, stop = np.array([0, 1, 3]), np.array([2, 4, 5])
    yield "window_mean", (x(2, 5, 3), start, stop, 1 / (stop - start), out(2, 3, 3))
    yield "window_mean_backward", (x(2, 3, 3), start, stop, 1 / (stop - start), out(2, 5, 3))
    index = np.array([2, -1, 0, 2])
    yield "take", (x(2, 3, 2), index, 1.5, out(2, 4, 2))
    for add in (False, True):
        yield "take_backward", (x(2, 4, 2), index, out(2, 3, 2), add)


def _classes(rng, x, unit, out, dtype):
    def labels(*shape):
        y = rng.integers(0, 4, shape)
        y.flat[0] = -100
        return y

    def logs(b, d):
        return np.log(probabilities(b, d))

    def probabilities(b, d):
        return np.moveaxis(rng.dirichlet(np.ones(4), (b, d)), 2, 1).astype(dtype)

    for b, d in ((5, 1), (2, 3)):
        y, q, w = labels(b, d), probabilities(b, d), unit(4)
        for smoothing in (0.0, 0.1):
            yield "nll", (logs(b, d), y, w, -100, smoothing, out(b, d))
            last = x(b, d), out(b, 4, d)
            yield "nll_softmax_backward", (logs(b, d), y, w, -100, smoothing, *last)
            last = out(b, 4, d), out(b, 4, d), out(3, like=np.float64)
            yield "cross_entropy", (x(b, 4, d), y, w, -100, smoothing, *last)
        yield "nll_backward", (y, w, -100, x(b, d), out(b, 4, d))
        yield "soft_nll", (logs(b, d), q, w, out(b, d))
        yield "soft_nll_softmax_backward", (logs(b, d), q, w, x(b, d), out(b, 4, d))
        yield "smooth", (q, 0.1, out(b, 4, d))
        yield "used_weight", (y, w, -100, out(1, like=np.float64))
        yield "first_bad_probability", (q, 1e-4, out(1, like=np.int64))
        spoiled = q.copy()
        spoiled[-1, :, -1] *= 2
        yield "first_bad_probability", (spoiled, 1e-4, out(1, like=np.int64))
    y = labels(1100, 1)  # so many samples that one block does not do
    yield "cross_entropy", (x(1100, 4, 1), y, unit(4), -100, 0.1, *[out(1100, 4, 1)] * 2, out(3, like=np.float64))
    for y in ([0, 3, -100, 1], [0, 3, 4, -1, 9], [-1]):
        yield "first_bad_label", (np.array(y), 4, -100, out(1, like=np.int64))


def _batches(rng, x, out):
    index = np.array([3, 0, 3])
    for source in (rng.integers(0, 256, (4, 5)).astype(np.uint8), x(4, 5), rng.standard_normal((4, 5))):
        yield "gather", (source, index, 1 / 255, out(3, 5))
    scores = x(6, 4)
    scores[2] = 1
    yield "count_correct", (scores[:, :, None], np.array([[0], [1], [0], [3], [2], [1]]), 3, out(2, like=np.int64))
    yield "count_up", (out(1, like=np.int64),)


def _sequences(x, unit, out):
    T, n, h = 3, 2, 3
    own, start, zero = x(T, n, h), x(n, h), 0 * out(n, h)
    yield "lstm", (x(T, n, 4 * h), start, start, x(4 * h, h), x(4 * h), *[out(T, n, h)] * 2, out(T, n, 4 * h))
    gates = unit(T, n, 4 * h)
    yield "lstm_backward", (own, gates, own, start, x(4 * h, h), out(T, n, 4 * h), zero, zero)
    yield "gru", (x(T, n, 3 * h), start, x(3 * h, h), x(3 * h), *[out(T, n, h)] * 2, out(T, n, 3 * h))
    gates = unit(T, n, 3 * h)
    yield "gru_backward", (own, gates, own, own, start, x(3 * h, h), *[out(T, n, 3 * h)] * 2, zero)
    for rectified in (False, True):
        yield "rnn", (own, start, x(h, h), x(h), rectified, out(T, n, h))
        yield "rnn_backward", (own, own, x(h, h), rectified, out(T, n, h), zero)


def _attention(rng, x, unit, out):
    N, H, L, S, E, V = 2, 2, 3, 4, 2, 3
    q, k, v, delta = x(N, L, H * E), x(N, S, H * E), x(N, S, H * V), x(N, L, H * V)
    key = np.array([7], np.uint64)
    for masks, p in ((0, 0.0), (1, 0.3), (N, 0.0), (N * H, 0.0)):
        mask = np.where(rng.random((masks, S, L)) < 0.4, -np.inf, x(masks, S, L)).astype(q.dtype)
        mask[:1, :, 0] = -np.inf  # a query that may see nothing
        yield "attention", (q, k, v, mask, key, p, out(N, H, S, L), out(N, L, H * V))
        outs = out(N, L, H * E), out(N, S, H * E), out(N, S, H * V)
        yield "attention_backward", (delta, q, k, v, unit(N, H, S, L), key, p, *outs)


def _optimizers(x, unit, dtype):
    def columns(count):
        """theta and g, and what an optimizer keeps, which is not negative; of two parameters, one of several blocks."""
        return Columns([[x(1100), x(3)] if n < 2 else [unit(1100), unit(3)] for n in range(count)])

    for momentum, nesterov, first in ((0.0, False, False), (0.9, False, True), (0.9, False, False), (0.9, True, False)):
        yield "sgd", (columns(3), 0.1, momentum, 0.2, 0.01, nesterov, first)
    for momentum, centered in ((0.0, False), (0.9, True)):
        yield "rmsprop", (columns(5), 0.01, 0.99, 0.01, 1e-8, 0.1, momentum, centered)
    for along_g, decay, shrink, amsgrad in ((0.0, 0.1, 1.0, False), (0.02, 0.0, 0.999, True)):
        yield "adam", (columns(5), 0.01, along_g, 0.05, 0.9, 0.999, 1e-8, decay, shrink, amsgrad)
