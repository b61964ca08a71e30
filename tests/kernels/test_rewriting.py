"""Rules that reduce the recorded calls: each applies only where the result stays the same."""

import numpy as np

from backprop.kernels import reference as k
from backprop.kernels.recording import MARK, Call, Recording
from backprop.kernels.rewriting import rewritten


def write_down(calls, recording):
    """Record calls given as (name, *args)."""
    for name, *args in calls:
        recording.calls.append(MARK if name == "mark" else Call(name, getattr(k, name), tuple(args)))
    return recording


def names(lists):
    return [[kernel.__name__ for kernel, _ in calls] for calls in lists]


def arrays(recording, *shapes):
    return [recording.empty(np.empty(shape).shape, np.float64) for shape in shapes]


def test_what_nobody_reads_is_left_out_and_what_was_there_before_is_written():
    recording, outside = Recording("reference"), np.zeros(3)
    a, b, c, d = arrays(recording, 3, 3, 3, 3)
    calls = [("relu", a, b), ("relu", b, c), ("relu", b, d), ("mark",), ("add", c, c, outside)]
    assert names(rewritten(write_down(calls, recording), k, [])) == [["relu", "relu"], ["add"]]
    assert names(rewritten(recording, k, [d])) == [["relu", "relu", "relu"], ["add"]]


def test_what_a_call_changes_it_reads_and_writes():
    p, q, out = np.zeros((3, 2, 2))
    for adds in (False, True):
        read, written = Call("matmul_nn", k.matmul_nn, (p, q, out, adds)).reads_and_writes()
        assert len(read) == (3 if adds else 2)
        assert len(written) == 1 and written[0] is out


def test_a_relu_joins_a_linear_layer_unless_the_layer_is_read_elsewhere():
    for elsewhere in (False, True):
        recording = Recording("reference")
        a, x, mu, u, out, more = arrays(recording, (2, 3), (4, 3), 4, (2, 4), (2, 4), (2, 4))
        calls = [("linear", a, x, mu, False, u), ("relu", u.reshape(-1), out.reshape(-1)), ("mark",)]
        calls += [("add", u, u, more)] if elsewhere else []
        forward, _ = rewritten(write_down(calls, recording), k, [out, more])
        assert names([forward]) == [["linear", "relu"] if elsewhere else ["linear"]]
        assert elsewhere or (forward[0][1][3] and forward[0][1][4].base is out.base)


def pooled(elsewhere=None, pad=0, keep=None):
    """conv, relu, max pool and their way back; a ReLU's or a convolution's result may be read once more, or kept."""
    recording = Recording("reference")
    a, x, mu, z, r, out, dout, dr, dz, more = arrays(
        recording, (1, 1, 4, 4), (2, 1, 1, 1), 2, *[(1, 2, 4, 4)] * 2, *[(1, 2, 2, 2)] * 2, *[(1, 2, 4, 4)] * 3
    )
    where = recording.empty(out.shape, np.int64)
    flat = [array.reshape(-1) for array in (z, r, dr, dz)]
    window = (2, 2), (2, 2), (1, 1), (pad, pad)
    calls = [
        ("conv", a, x, mu, False, (1, 1), (1, 1), (0, 0), 1, z),
        ("relu", flat[0], flat[1]),
        ("max_pool", r, *window, out, where),
        ("mark",),
        ("max_pool_backward", dout.reshape(1, 2, 4), where.reshape(1, 2, 4), dr.reshape(1, 2, 16)),
        ("relu_backward", flat[2], flat[1], flat[3]),
    ]
    if elsewhere is not None:
        read = {"conv": z, "relu": r}[elsewhere]
        calls.append(("add", read, read, more))
    kept = [{"conv": z, "relu": r}[keep]] if keep else []
    return names(rewritten(write_down(calls, recording), k, [out, dz, more, *kept]))


def test_convolution_pooling_and_relu_become_one_kernel():
    assert pooled() == [["conv_max_pool"], ["relu_backward", "max_pool_backward"]]


def test_a_relu_that_is_read_elsewhere_stays_before_the_pooling():
    assert pooled("relu") == [["conv", "max_pool"], ["max_pool_backward", "relu_backward", "add"]]


def test_a_convolution_that_is_read_elsewhere_is_written():
    assert pooled("conv") == [["conv", "max_pool", "relu"], ["relu_backward", "max_pool_backward", "add"]]


def test_what_the_step_keeps_is_written_though_nobody_reads_it():
    """The scores of a network whose last layer's result also went into a ReLU were NaN."""
    assert pooled(keep="relu") == [["conv", "max_pool"], ["max_pool_backward", "relu_backward"]]
    assert pooled(keep="conv") == [["conv", "max_pool", "relu"], ["relu_backward", "max_pool_backward"]]
    recording = Recording("reference")
    a, x, mu, u, out = arrays(recording, (2, 3), (4, 3), 4, (2, 4), (2, 4))
    calls = [("linear", a, x, mu, False, u), ("relu", u.reshape(-1), out.reshape(-1)), ("mark",)]
    assert names(rewritten(write_down(calls, recording), k, [u, out])) == [["linear", "relu"], []]


def test_a_pooling_with_a_margin_keeps_its_relu_in_front():
    assert pooled(pad=1) == [["conv", "max_pool"], ["max_pool_backward", "relu_backward"]]
