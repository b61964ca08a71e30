"""Every loss over randomly drawn options, against PyTorch."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)
reductions = st.sampled_from(["mean", "sum", "none"])
some = settings(deadline=None, max_examples=50)
widths = st.floats(0.1, 3)
DIFFERENCES = {
    "MSELoss": st.just({}),
    "L1Loss": st.just({}),
    "HuberLoss": st.builds(dict, delta=widths),
    "SmoothL1Loss": st.builds(dict, beta=st.one_of(st.just(0.0), widths)),
}


@pytest.mark.parametrize("name", DIFFERENCES)
@some
@given(data=st.data(), shape=shapes, reduction=reductions, dtype=dtypes, seed=seeds)
def test_differences(judge, name, data, shape, reduction, dtype, seed):
    options = {**data.draw(DIFFERENCES[name]), "reduction": reduction}
    j = judge(seed, dtype)
    x, y = 2 * j.numbers(*shape), j.numbers(*shape)
    y.flat[0] = x.flat[0]
    j.same_loss(getattr(bp, name)(**options), getattr(torch.nn, name)(**options), x, y)


def labels_or_probabilities(j, shape, soft):
    axis = min(1, len(shape) - 1)
    if soft:
        y = j.rng.uniform(0.1, 1, shape)
        return (y / y.sum(axis=axis, keepdims=True)).astype(j.dtype)
    return np.asarray(j.rng.integers(0, shape[axis], shape[:axis] + shape[axis + 1 :]))


@some
@given(
    shape=shapes,
    reduction=reductions,
    soft=st.booleans(),
    weighted=st.booleans(),
    smoothing=st.one_of(st.just(0.0), st.floats(0, 1)),
    ignore=st.sampled_from([-100, 0, 7]),
    dtype=dtypes,
    seed=seeds,
)
def test_cross_entropy(judge, shape, reduction, soft, weighted, smoothing, ignore, dtype, seed):
    j = judge(seed, dtype)
    z, y = 3 * j.numbers(*shape), labels_or_probabilities(j, shape, soft)
    ignore = -100 if soft else ignore  # PyTorch has it for labels only
    if not soft and y.ndim:
        y[j.rng.random(y.shape) < 0.3] = ignore
    if not soft:
        assume(y.ndim > 0 or smoothing == 0)
        if reduction == "mean" and (y == ignore).all():
            y = np.where(y == ignore, (ignore + 1) % shape[min(1, len(shape) - 1)], y)  # the mean of nothing is NaN
            assume((y != ignore).all())
    w = np.abs(j.numbers(shape[min(1, len(shape) - 1)])) + dtype(0.1) if weighted else None
    options = {"reduction": reduction, "ignore_index": ignore, "label_smoothing": smoothing}
    ours = bp.CrossEntropyLoss(weight=w, **options)
    theirs = torch.nn.CrossEntropyLoss(weight=torch.tensor(w) if weighted else None, **options)
    j.same_loss(ours, theirs, z, y)


@some
@given(
    shape=shapes,
    reduction=reductions,
    weighted=st.booleans(),
    ignore=st.sampled_from([-100, 0]),
    dtype=dtypes,
    seed=seeds,
)
def test_negative_log_likelihood(judge, shape, reduction, weighted, ignore, dtype, seed):
    j = judge(seed, dtype)
    z, y = j.numbers(*shape), labels_or_probabilities(j, shape, False)
    assume(not (y == ignore).all())
    w = np.abs(j.numbers(shape[min(1, len(shape) - 1)])) + dtype(0.1) if weighted else None
    options = {"reduction": reduction, "ignore_index": ignore}
    theirs = torch.nn.NLLLoss(weight=torch.tensor(w) if weighted else None, **options)
    j.same_loss(bp.NLLLoss(weight=w, **options), theirs, z, y)


def test_all_samples_ignored_give_nan_as_pytorchs_mean_of_nothing(judge):
    z, y = np.zeros((2, 3)), np.array([-100, -100])
    for name in ("CrossEntropyLoss", "NLLLoss"):
        ours, theirs = getattr(bp, name)(), getattr(torch.nn, name)()
        assert np.isnan(ours(z, y))
        assert np.isnan(theirs(torch.tensor(z), torch.tensor(y)).item())
        assert getattr(bp, name)(reduction="sum")(z, y) == 0


@some
@given(shape=shapes, reduction=reductions, weighted=st.booleans(), positive=st.booleans(), dtype=dtypes, seed=seeds)
def test_binary_cross_entropy(judge, shape, reduction, weighted, positive, dtype, seed):
    j = judge(seed, dtype)
    y = j.rng.random(shape).astype(dtype)
    y.flat[0] = 1
    w = np.abs(j.numbers(*shape[-1:])) if weighted else None
    theirs_w = torch.tensor(w) if weighted else None
    a = j.rng.uniform(0.01, 0.99, shape).astype(dtype)
    j.same_loss(bp.BCELoss(weight=w, reduction=reduction), torch.nn.BCELoss(weight=theirs_w, reduction=reduction), a, y)
    p = np.abs(j.numbers(*shape[-1:])) if positive else None
    theirs_p = torch.tensor(p) if positive else None
    ours = bp.BCEWithLogitsLoss(weight=w, pos_weight=p, reduction=reduction)
    theirs = torch.nn.BCEWithLogitsLoss(weight=theirs_w, pos_weight=theirs_p, reduction=reduction)
    j.same_loss(ours, theirs, 5 * j.numbers(*shape), y)


def test_binary_cross_entropy_at_its_edges(judge):
    j = judge(0, np.float64, slack=100)  # PyTorch's 1e-12 is one of float32
    a, y = np.array([0.0, 1, 0, 1, 0.5]), np.array([0.0, 1, 1, 0, 1])
    j.same_loss(bp.BCELoss(), torch.nn.BCELoss(), a, y)
    z = np.array([-1e4, 1e4, -100, 100, 0])
    j.same_loss(bp.BCEWithLogitsLoss(), torch.nn.BCEWithLogitsLoss(), z, y)
    assert bp.BCEWithLogitsLoss()(np.array([40.0]), np.array([1.0])) == pytest.approx(np.exp(-40))  # no digit lost


@pytest.mark.filterwarnings("ignore:reduction. 'mean'")
@some
@given(
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=3).map(tuple),
    reduction=st.sampled_from(["mean", "sum", "none", "batchmean"]),
    log_target=st.booleans(),
    dtype=dtypes,
    seed=seeds,
)
def test_kl_divergence(judge, shape, reduction, log_target, dtype, seed):
    j = judge(seed, dtype)
    a = bp.functional.log_softmax(j.numbers(*shape), 1)
    y = bp.functional.softmax(j.numbers(*shape), 1)
    y.flat[0] = 0
    y = np.log(y + dtype(1e-3)) if log_target else y
    options = {"reduction": reduction, "log_target": log_target}
    j.same_loss(bp.KLDivLoss(**options), torch.nn.KLDivLoss(**options), a, y)


@some
@given(
    T=st.integers(1, 9), N=st.integers(1, 3), C=st.integers(2, 4), most=st.integers(0, 4), blank=st.integers(0, 1),
    reduction=reductions, in_a_row=st.booleans(), zero_infinity=st.booleans(), seed=seeds,
)  # fmt: skip
def test_ctc_behind_log_softmax(judge, T, N, C, most, blank, reduction, in_a_row, zero_infinity, seed):
    j = judge(seed, np.float64)
    u, others = 2 * j.numbers(T, N, C), [c for c in range(C) if c != blank]
    steps, counts = j.rng.integers(1, T + 1, N), j.rng.integers(0, most + 1, N)
    labels = j.rng.choice(others, (N, most))
    if in_a_row:
        labels = np.concatenate([row[:count] for row, count in zip(labels, counts, strict=True)])
    options = {"blank": blank, "reduction": reduction, "zero_infinity": zero_infinity}
    told = [torch.tensor(x) for x in (labels, steps, counts)]
    leaf = torch.tensor(u, requires_grad=True)
    wanted = torch.nn.CTCLoss(**options)(torch.log_softmax(leaf, 2), *told)
    logs, loss = bp.LogSoftmax(2), bp.CTCLoss(**options)
    j.near(loss(logs(u), labels, steps, counts), wanted)
    if torch.isfinite(wanted).all():
        delta = j.numbers(N) if reduction == "none" else 1.0
        wanted.backward(torch.tensor(delta) if reduction == "none" else None)
        j.near(logs.backward(loss.backward(delta)), leaf.grad)
