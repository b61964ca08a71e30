"""The outside judge: outputs and gradients of every layer and loss, and a training run, against PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}
dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=30)


def numbers(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def tensor(array):
    return torch.tensor(array, requires_grad=array.dtype.kind == "f")


def near(ours, theirs, dtype):
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
    assert np.shape(ours) == theirs.shape
    scale = max(1, float(np.abs(theirs).max(initial=0)))
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale)


def same_layer(layer, theirs, x, rng, dtype):
    """Output, every parameter's gradient and the input's agree for the same random delta."""
    layer.to(dtype)
    for name, parameter in layer.named_parameters():
        theirs.get_parameter(name).data = torch.tensor(parameter.data)
    tx = tensor(x)
    out, expected = layer(x), theirs(tx)
    near(out, expected, dtype)
    delta = numbers(rng, out.shape, dtype)
    delta_x = layer.backward(delta)
    expected.backward(torch.tensor(delta))
    near(delta_x, tx.grad, dtype)
    for name, parameter in layer.named_parameters():
        near(parameter.grad, theirs.get_parameter(name).grad, dtype)


shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)


@few
@given(shapes, st.integers(1, 9), st.booleans(), dtypes, seeds)
def test_linear(shape, out, bias, dtype, seed):
    rng = np.random.default_rng(seed)
    x = numbers(rng, shape, dtype)
    same_layer(bp.Linear(shape[-1], out, bias=bias), torch.nn.Linear(shape[-1], out, bias=bias), x, rng, dtype)


@few
@given(st.sampled_from(["ReLU", "Sigmoid", "Tanh"]), shapes, dtypes, seeds)
def test_activations(name, shape, dtype, seed):
    rng = np.random.default_rng(seed)
    x = 3 * numbers(rng, shape, dtype)
    x.flat[0] = 0  # the kink
    same_layer(getattr(bp, name)(), getattr(torch.nn, name)(), x, rng, dtype)


@few
@given(st.sampled_from(["Softmax", "LogSoftmax"]), shapes, st.integers(-4, 3), dtypes, seeds)
def test_softmax(name, shape, dim, dtype, seed):
    rng = np.random.default_rng(seed)
    dim = dim % len(shape)
    x = 5 * numbers(rng, shape, dtype)
    same_layer(getattr(bp, name)(dim=dim), getattr(torch.nn, name)(dim=dim), x, rng, dtype)


@few
@given(shapes, st.integers(0, 3), st.integers(-4, -1), dtypes, seeds)
def test_flatten(shape, start, end, dtype, seed):
    start, end = start % len(shape), end % len(shape)
    start, end = min(start, end), max(start, end)
    rng = np.random.default_rng(seed)
    same_layer(bp.Flatten(start, end), torch.nn.Flatten(start, end), numbers(rng, shape, dtype), rng, dtype)


def same_loss(loss, theirs, x, y, rng, dtype):
    tx, ty = tensor(x), torch.tensor(y)
    L, expected = loss(x, y), theirs(tx, ty)
    near(np.asarray(L), expected, dtype)
    if loss.reduction == "none":
        delta = numbers(rng, L.shape, dtype)
        expected.backward(torch.tensor(delta))
        near(loss.backward(delta), tx.grad, dtype)
    else:
        (3 * expected).backward()
        near(loss.backward(3), tx.grad, dtype)


reductions = st.sampled_from(["mean", "sum", "none"])


@few
@given(st.sampled_from(["MSELoss", "L1Loss"]), shapes, reductions, dtypes, seeds)
def test_element_wise_losses(name, shape, reduction, dtype, seed):
    rng = np.random.default_rng(seed)
    x, y = numbers(rng, shape, dtype), numbers(rng, shape, dtype)
    y.flat[0] = x.flat[0]
    same_loss(getattr(bp, name)(reduction=reduction), getattr(torch.nn, name)(reduction=reduction), x, y, rng, dtype)


@few
@given(shapes, reductions, st.booleans(), dtypes, seeds)
def test_cross_entropy(shape, reduction, soft, dtype, seed):
    rng = np.random.default_rng(seed)
    z = 3 * numbers(rng, shape, dtype)
    axis = min(1, len(shape) - 1)
    if soft:
        y = rng.uniform(0.1, 1, shape)
        y = (y / y.sum(axis=axis, keepdims=True)).astype(dtype)
    else:
        y = np.asarray(rng.integers(0, shape[axis], shape[:axis] + shape[axis + 1 :]))
    same_loss(
        bp.CrossEntropyLoss(reduction=reduction), torch.nn.CrossEntropyLoss(reduction=reduction), z, y, rng, dtype
    )


@few
@given(
    st.floats(0, 0.5),
    st.sampled_from([0, 0.5, 0.9]),
    st.sampled_from([0, 0.3]),
    st.sampled_from([0, 0.01]),
    st.booleans(),
    dtypes,
    seeds,
)
def test_sgd(lr, momentum, dampening, weight_decay, nesterov, dtype, seed):
    if nesterov and (momentum == 0 or dampening != 0):
        nesterov = False
    rng = np.random.default_rng(seed)
    start = numbers(rng, (5, 3), dtype)
    ours, theirs = bp.Parameter(start), torch.nn.Parameter(torch.tensor(start))
    options = {
        "lr": lr,
        "momentum": momentum,
        "dampening": dampening,
        "weight_decay": weight_decay,
        "nesterov": nesterov,
    }
    sgd, their_sgd = bp.SGD([ours], **options), torch.optim.SGD([theirs], **options)
    for _ in range(5):
        g = numbers(rng, (5, 3), dtype)
        ours.grad, theirs.grad = g, torch.tensor(g)
        sgd.step()
        their_sgd.step()
    near(ours.data, theirs, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ten_steps_of_training_give_the_same_losses(dtype, rng):
    net = bp.Sequential(bp.Flatten(), bp.Linear(784, 32), bp.ReLU(), bp.Linear(32, 10)).to(dtype)
    theirs = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(784, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
    ).to(torch.float32 if dtype == np.float32 else torch.float64)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in net.state_dict().items()}, strict=True)
    loss, their_loss = bp.CrossEntropyLoss(), torch.nn.CrossEntropyLoss()
    sgd = bp.SGD(net.parameters(), lr=0.1, momentum=0.9)
    their_sgd = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    for _ in range(10):
        x, y = rng.random((64, 28, 28)).astype(dtype), rng.integers(0, 10, 64)
        L, expected = loss(net(x), y), their_loss(theirs(torch.tensor(x)), torch.tensor(y))
        near(np.asarray(L), expected, dtype)
        sgd.zero_grad()
        net.backward(loss.backward())
        sgd.step()
        their_sgd.zero_grad()
        expected.backward()
        their_sgd.step()


def test_pytorchs_weights_load_here():
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    net = bp.Sequential(bp.Linear(4, 3), bp.ReLU(), bp.Linear(3, 2))
    net.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    x = np.ones((1, 4), np.float32)
    near(net(x), theirs(torch.tensor(x)), np.float32)


@few
@given(st.floats(0.1, 1), st.floats(0, 1), st.integers(1, 7))
def test_linear_schedule(start, end, total):
    ours, theirs = bp.Parameter([1.0]), torch.nn.Parameter(torch.ones(1))
    sgd, their_sgd = bp.SGD([ours], lr=0.5), torch.optim.SGD([theirs], lr=0.5)
    schedule = bp.LinearLR(sgd, start, end, total)
    their_schedule = torch.optim.lr_scheduler.LinearLR(their_sgd, start, end, total)
    for _ in range(10):
        np.testing.assert_allclose(schedule.get_last_lr(), their_schedule.get_last_lr(), rtol=1e-12, atol=1e-15)
        sgd.step()
        their_sgd.step()
        schedule.step()
        their_schedule.step()
