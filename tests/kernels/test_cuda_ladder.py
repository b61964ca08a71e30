"""The rungs of the ladders, each run by itself: the same products and convolutions, by one idea more at a time."""

import numpy as np
import pytest

from backprop.kernels.cuda.convolution import textbook as formula
from backprop.kernels.cuda.convolution.geometry import geometry
from backprop.kernels.cuda.convolution.implicit import implicit
from backprop.kernels.cuda.machine import machine
from backprop.kernels.cuda.product import choice
from backprop.kernels.cuda.product.registers import matrices
from backprop.kernels.cuda.product.shared import SIDE, shared
from backprop.kernels.cuda.product.textbook import textbook
from backprop.kernels.device import to_host
from backprop.kernels.reference.conv import conv, conv_input_grad, conv_weight_grad
from backprop.kernels.transfer import to_device
from tests.kernels.shapes import CONVOLUTIONS, positions

pytest.importorskip("numba.cuda")
FORMS = {"nt": (choice.nt, lambda p, q: p @ q.T), "tn": (choice.tn, lambda p, q: p.T @ q), "nn": (choice.nn, np.matmul)}
# One thread has a whole tile, rows lie apart in two groups of four, sums have many panels, and tiles hang over.
TILES = [(8, 8, 4, 8, 8), (16, 8, 2, 8, 4), (4, 8, 8, 2, 2), (8, 32, 2, 4, 4), choice.SIMULATED]


def operands(form, m, n, k, dtype=np.float64):
    rng = np.random.default_rng(0)
    p, q = {"nt": ((m, k), (n, k)), "tn": ((k, m), (k, n)), "nn": ((m, k), (k, n))}[form]
    return rng.standard_normal(p).astype(dtype), rng.standard_normal(q).astype(dtype)


def empty(*shape):
    return machine().empty(shape, np.float64)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rung", [textbook, shared], ids=["textbook", "shared"])
def test_first_rungs_multiply(rung, form):
    p, q = operands(form, 3, 5, SIDE + 1)
    (a, a_strides, _), (b, b_strides, _), (m, n, _) = FORMS[form][0](to_device(p), to_device(q))
    out = empty(m, n)
    rung(a, a_strides, b, b_strides, out)
    np.testing.assert_allclose(to_host(out), FORMS[form][1](p, q), rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", TILES, ids=str)
def test_register_tiles_of_any_shape_multiply(size, form):
    p, q = operands(form, 11, 9, 7)
    a, b, sizes = FORMS[form][0](to_device(p), to_device(q))
    out = empty(*sizes[:2])
    run = matrices(size, a[2], b[2])
    choice.by_tiles(run, size, a[0], b[0], sizes, out, False, None, False, a[1], b[1])
    np.testing.assert_allclose(to_host(out), FORMS[form][1](p, q), rtol=1e-12)


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_a_sum_in_parts_gets_its_bias_and_relu_once_it_is_whole(parts, monkeypatch):
    monkeypatch.setattr(choice, "parts_of", lambda blocks, K, width: (parts, -(-K // parts)))
    p, q = operands("nt", 5, 6, 11)
    mu, out = np.linspace(-1, 1, 6), empty(5, 6)
    choice.product(*choice.nt(to_device(p), to_device(q)), out, False, to_device(mu), True)
    np.testing.assert_allclose(to_host(out), np.maximum(p @ q.T + mu, 0), rtol=1e-12, atol=1e-15)


def test_parts_of_a_sum_cover_it_without_an_empty_one():
    for blocks in (1, 4, 50, 131, 1000):
        for k in (1, 31, 64, 784, 4000, 50176):
            for width in (8, 32):
                parts, length = choice.parts_of(blocks, k, width)
                assert (parts - 1) * length < k <= parts * length
                assert parts == 1 or (parts * blocks <= choice.BLOCKS and length % width == 0)


def test_large_products_get_large_tiles(monkeypatch):
    monkeypatch.setattr(machine(), "simulated", False, raising=False)
    assert choice.size_of(4096, 4096, 4) == choice.LARGE
    assert choice.size_of(4096, 4096, 8) == choice.MIDDLE
    assert choice.size_of(1024, 1024, 4) == choice.MIDDLE
    assert choice.size_of(64, 128, 4) == choice.SMALL


@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
@pytest.mark.parametrize("rung", ["textbook", "implicit"])
def test_both_rungs_of_a_convolution_compute_all_three_formulas(rung, case, rng):
    n, c, o, image, taps, stride, dilation, pad, groups = CONVOLUTIONS[case]
    if rung == "implicit" and groups > 1:
        pytest.skip("groups go by the textbook")
    where, options = positions(image, taps, stride, dilation, pad), (stride, dilation, pad, groups)
    a, x = rng.standard_normal((n, c, *image)), rng.standard_normal((o, c // groups, *taps))
    delta = rng.standard_normal((n, o, *where))
    expected = np.empty_like(delta), np.empty_like(x), np.empty_like(a)
    conv(a, x, np.empty(0), False, *options, expected[0])
    conv_weight_grad(delta, a, *options, expected[1], False)
    conv_input_grad(delta, x, *options, expected[2])
    shape = geometry(a.shape, x.shape, delta.shape, options)
    found = [empty(*array.shape) for array in expected]
    (by_textbook if rung == "textbook" else by_product)(shape, *map(to_device, (a, x, delta)), found)
    for want, got in zip(expected, found, strict=True):
        np.testing.assert_allclose(to_host(got), want, rtol=1e-12, atol=1e-14)


def by_textbook(shape, a, x, delta, found):
    z, to_filters, to_input = found
    formula.textbook(formula.forward, shape).each(z.size, a, x, x, False, False, z)
    formula.textbook(formula.to_filters, shape).each(x.size, delta, a, to_filters, False, len(a))
    formula.textbook(formula.to_input, shape).each(a.size, delta, x, to_input)


def by_product(shape, a, x, delta, found):
    columns = x.size // len(x)
    positions_, entries, taps = delta.size // len(x), a.size // a.shape[1], x.size // len(x) // x.shape[1]
    sizes = (len(x), positions_, columns), (len(x), columns, positions_), (a.shape[1], entries, len(x) * taps)
    ways = ("forward", x, a), ("to_filters", delta, a), ("to_input", x, delta)
    for (way, left, right), (m, n, k), out in zip(ways, sizes, found, strict=True):
        size = (4, 16, 4, 2, 4)
        run = implicit(way, shape, size)
        run(-(-n // 16) * -(-m // 4), run.threads, left, right, out, out, m, n, k, k, False, False, False, (), ())
