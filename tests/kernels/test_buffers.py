"""A buffer is handed out again only when nobody else refers to it."""

import gc
import threading
import warnings

import numpy as np
import pytest

import backprop as bp
from backprop.kernels import buffers

SHAPE = (64, 64)


def fresh():
    return buffers.Buffers()


def test_a_dropped_buffer_is_used_again_and_a_held_one_is_not():
    pool = fresh()
    first = pool.empty(SHAPE, np.float32)
    assert pool.empty(SHAPE, np.float32) is not first
    address = first.ctypes.data
    del first
    gc.collect()
    assert address in {pool.empty(SHAPE, np.float32).ctypes.data for _ in range(1)}


def test_a_view_keeps_its_buffer():
    pool = fresh()
    view = pool.empty(SHAPE, np.float32).reshape(-1)[5:7]
    address = view.base.ctypes.data
    others = [pool.empty(SHAPE, np.float32) for _ in range(5)]
    assert address not in {other.ctypes.data for other in others}


def test_types_and_shapes_are_kept_apart():
    pool = fresh()
    pool.empty(SHAPE, np.float32)
    assert pool.empty(SHAPE, np.float64).dtype == np.float64
    assert pool.empty((64, 65), np.float32).shape == (64, 65)


def test_whoever_keeps_thousands_gets_fresh_ones_and_the_pool_stays_small():
    pool = fresh()
    held = [pool.empty(SHAPE, np.float32) for _ in range(1000)]
    assert len({id(array) for array in held}) == 1000
    assert len(pool.kept[SHAPE, np.dtype(np.float32)]) == buffers.MOST_ALIKE


def test_past_its_limit_the_pool_lets_go(monkeypatch):
    monkeypatch.setattr(buffers, "MOST_BYTES", 100_000)
    pool = fresh()
    for size in range(2000, 2100):
        pool.empty((size,), np.float32)
        assert pool.bytes <= 100_000


def test_each_thread_has_buffers_of_its_own():
    buffers.empty(SHAPE, np.float32)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(buffers.empty(SHAPE, np.float32)))
    thread.start()
    thread.join()
    assert seen[0] is not buffers.empty(SHAPE, np.float32)


def test_an_output_that_a_caller_holds_never_changes(rng):
    net = bp.Sequential(bp.Linear(50, 60), bp.ReLU(), bp.Linear(60, 70))
    x = rng.standard_normal((40, 50)).astype(np.float32)
    held, slices, deltas = [], [], []
    for step in range(5):
        y = net(x + step)
        deltas.append(net.backward(y))
        held.append(y)
        slices.append(y[3:5].T)
    copies = [np.array(a) for a in held], [np.array(a) for a in slices], [np.array(a) for a in deltas]
    for step in range(50):
        net.backward(net(x * step))
    for kept, copy in zip((held, slices, deltas), copies, strict=True):
        for a, b in zip(kept, copy, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_steady_step_asks_for_no_new_buffer(rng, monkeypatch):
    net, loss = bp.Sequential(bp.Linear(784, 128), bp.ReLU(), bp.Linear(128, 10)), bp.CrossEntropyLoss()
    sgd = bp.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, y = rng.standard_normal((64, 784)).astype(np.float32), rng.integers(0, 10, 64)

    def step():
        loss(net(x), y)
        sgd.zero_grad()
        net.backward(loss.backward())
        sgd.step()

    for _ in range(3):
        step()
    before = buffers._buffers.bytes
    for _ in range(5):
        step()
    assert buffers._buffers.bytes == before


def test_what_a_caller_does_to_the_form_of_his_array_is_his_own(rng):
    """`y.shape = ...` once reached the next result of that shape, and `y.resize` its memory."""
    x = np.ones((64, 103), np.float32)

    def again():
        y = bp.functional.relu(x)
        np.testing.assert_array_equal(y, x)

    def reshape(y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            y.shape = (103, 64)

    def freeze(y):
        y.flags.writeable = False

    def resize(y):
        with pytest.raises(ValueError, match="does not own its data"):
            y.resize((2,), refcheck=False)

    for change in (reshape, freeze, resize):
        y = bp.functional.relu(x)
        change(y)
        del y
        again()


def test_an_array_larger_than_the_limit_is_not_kept(monkeypatch):
    monkeypatch.setattr(buffers, "MOST_BYTES", 10_000)
    pool = fresh()
    pool.empty((10_000,), np.float32)
    assert pool.bytes == 0
