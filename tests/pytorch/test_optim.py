"""Optimizers and schedules, step by step, against PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
some = settings(deadline=None, max_examples=60)
lr, share = st.floats(1e-4, 0.5), st.floats(0, 0.99)
momentum = st.sampled_from([0, 0.5, 0.9])
weight_decay = st.sampled_from([0, 0.01, 0.3])
adam = st.builds(
    dict,
    lr=lr,
    betas=st.tuples(share, share),
    eps=st.sampled_from([1e-8, 1e-3]),
    weight_decay=weight_decay,
    amsgrad=st.booleans(),
)
sgd = st.builds(
    dict,
    lr=lr,
    momentum=momentum,
    dampening=st.sampled_from([0, 0.3]),
    weight_decay=weight_decay,
    nesterov=st.booleans(),
)
rmsprop = st.builds(
    dict,
    lr=lr,
    alpha=share,
    eps=st.sampled_from([1e-8, 1e-3]),
    weight_decay=weight_decay,
    momentum=momentum,
    centered=st.booleans(),
)


def same_steps(j, ours_kind, their_kind, options, steps=6):
    start = j.numbers(5, 3)
    ours, theirs = bp.Parameter(start), torch.nn.Parameter(torch.tensor(start))
    optimizer, their_optimizer = ours_kind([ours], **options), their_kind([theirs], **options)
    for _ in range(steps):
        g = j.numbers(5, 3)
        ours.grad, theirs.grad = g, torch.tensor(g)
        optimizer.step()
        their_optimizer.step()
    j.near(ours.data, theirs)


@some
@given(options=sgd, dtype=dtypes, seed=seeds)
def test_sgd(judge, options, dtype, seed):
    if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
        options["nesterov"] = False
    same_steps(judge(seed, dtype), bp.SGD, torch.optim.SGD, options)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@some
@given(options=adam, dtype=dtypes, seed=seeds)
def test_adam(judge, name, options, dtype, seed):
    # Where v forgets everything, m / sqrt(v) divides by a gradient that may be almost 0.
    j = judge(seed, dtype, slack=100 if dtype == np.float32 else 1)
    same_steps(j, getattr(bp, name), getattr(torch.optim, name), options)


@some
@given(options=adam, psi=st.sampled_from([4e-3, 0.5]), decoupled=st.booleans(), dtype=dtypes, seed=seeds)
def test_nadam(judge, options, psi, decoupled, dtype, seed):
    options = {name: value for name, value in options.items() if name != "amsgrad"}
    options |= {"momentum_decay": psi, "decoupled_weight_decay": decoupled}
    j = judge(seed, dtype, slack=100 if dtype == np.float32 else 1)
    torch.set_default_dtype(torch.float64)  # in which it multiplies its factors
    try:
        same_steps(j, bp.NAdam, torch.optim.NAdam, options)
    finally:
        torch.set_default_dtype(torch.float32)


@some
@given(
    lr=lr, lr_decay=st.sampled_from([0, 0.1]), weight_decay=weight_decay, start=st.sampled_from([0, 0.1]), dtype=dtypes,
    seed=seeds,
)  # fmt: skip
def test_adagrad(judge, lr, lr_decay, weight_decay, start, dtype, seed):
    options = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "initial_accumulator_value": start}
    same_steps(judge(seed, dtype), bp.Adagrad, torch.optim.Adagrad, options)


@some
@given(options=rmsprop, dtype=dtypes, seed=seeds)
def test_rmsprop(judge, options, dtype, seed):
    if options["centered"]:  # a difference of nearly equal numbers under the root, which nothing but eps keeps off 0
        options.update(alpha=max(options["alpha"], 0.3), eps=1e-3)
    j = judge(seed, dtype, slack=1000 if dtype == np.float32 else 1)
    same_steps(j, bp.RMSprop, torch.optim.RMSprop, options)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_defaults_are_pytorchs(judge, name):
    j = judge(0, np.float64)
    options = {"lr": 0.1} if name == "SGD" else {}
    same_steps(j, getattr(bp, name), getattr(torch.optim, name), options)


def same_schedule(kind, their_kind, options, steps, optimizers=("SGD", {"lr": 0.5, "momentum": 0.9})):
    name, base = optimizers
    ours, theirs = bp.Parameter([1.0]), torch.nn.Parameter(torch.ones(1))
    optimizer, their_optimizer = getattr(bp, name)([ours], **base), getattr(torch.optim, name)([theirs], **base)
    schedule, their_schedule = kind(optimizer, **options), their_kind(their_optimizer, **options)
    for step in range(steps):
        its = np.maximum(their_schedule.get_last_lr(), 0)  # behind its last step their OneCycleLR may go below 0
        np.testing.assert_allclose(schedule.get_last_lr(), its, rtol=1e-10, atol=1e-13)
        for option in ("momentum", "betas"):
            if option in optimizer.param_groups[0]:
                mine, its = optimizer.param_groups[0][option], their_optimizer.param_groups[0][option]
                np.testing.assert_allclose(mine, its, rtol=1e-10)
        optimizer.step()
        their_optimizer.step()
        if step + 1 < steps:
            schedule.step()
            their_schedule.step()


@some
@given(start=st.floats(0.1, 1), end=st.floats(0, 1), total=st.integers(1, 7))
def test_linear_schedule(start, end, total):
    options = {"start_factor": start, "end_factor": end, "total_iters": total}
    same_schedule(bp.LinearLR, torch.optim.lr_scheduler.LinearLR, options, 10)


@some
@given(step_size=st.integers(1, 5), gamma=st.floats(0.1, 1))
def test_step_schedule(step_size, gamma):
    same_schedule(bp.StepLR, torch.optim.lr_scheduler.StepLR, {"step_size": step_size, "gamma": gamma}, 14)


@some
@given(t_max=st.integers(1, 9), eta_min=st.floats(0, 0.1))
def test_cosine_schedule(t_max, eta_min):
    options = {"T_max": t_max, "eta_min": eta_min}
    same_schedule(bp.CosineAnnealingLR, torch.optim.lr_scheduler.CosineAnnealingLR, options, t_max + 1)


@some
@given(
    total=st.integers(8, 30),
    pct=st.floats(0.2, 0.45),
    strategy=st.sampled_from(["cos", "linear"]),
    three=st.booleans(),
    cycle=st.booleans(),
    adam=st.booleans(),
)
def test_one_cycle_schedule(total, pct, strategy, three, cycle, adam):
    options = {
        "max_lr": 0.7,
        "total_steps": total,
        "pct_start": pct,
        "anneal_strategy": strategy,
        "three_phase": three,
        "cycle_momentum": cycle,
    }
    optimizer = ("Adam", {"lr": 0.5}) if adam else ("SGD", {"lr": 0.5, "momentum": 0.9})
    same_schedule(bp.OneCycleLR, torch.optim.lr_scheduler.OneCycleLR, options, total + 1, optimizer)


SCHEDULERS = torch.optim.lr_scheduler


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ExponentialLR", {"gamma": 0.8}),
        ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.3}),
        ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}),
    ],
)
def test_schedules_by_a_factor_by_milestones_and_by_a_function(name, options):
    same_schedule(getattr(bp, name), getattr(SCHEDULERS, name), options, 12)


def one_after_the_other(library):
    def made(optimizer):
        warm = library.LinearLR(optimizer, 0.1, 1.0, total_iters=3)
        fall = library.CosineAnnealingLR(optimizer, T_max=5)
        return library.SequentialLR(optimizer, [warm, fall, library.ExponentialLR(optimizer, 0.9)], milestones=[3, 8])

    return made


def at_once(library):
    def made(optimizer):
        warm = library.LinearLR(optimizer, 0.1, 1.0, total_iters=3)
        return library.ChainedScheduler([warm, library.ExponentialLR(optimizer, 0.9)])

    return made


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("several", [one_after_the_other, at_once])
def test_several_schedules(several):
    ours, theirs = bp.Parameter([1.0]), torch.nn.Parameter(torch.ones(1))
    optimizer, their_optimizer = bp.SGD([ours], lr=0.5), torch.optim.SGD([theirs], lr=0.5)
    schedule, their_schedule = several(bp)(optimizer), several(SCHEDULERS)(their_optimizer)
    again = None
    for step in range(12):
        its = their_optimizer.param_groups[0]["lr"]
        np.testing.assert_allclose(optimizer.param_groups[0]["lr"], its, rtol=1e-10, atol=1e-13)
        if step == 5:  # goes on from a state
            state = schedule.state_dict()
            other = bp.SGD([bp.Parameter([1.0])], lr=0.5)
            again = several(bp)(other)
            again.load_state_dict(state)
        if again is not None:
            assert again.optimizer.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
            again.step()
        their_optimizer.step()
        schedule.step()
        their_schedule.step()


@some
@given(
    losses=st.lists(st.sampled_from([1.0, 0.9, 0.89999, 0.5, 2.0]), min_size=1, max_size=25),
    mode=st.sampled_from(["min", "max"]),
    kind=st.sampled_from(["rel", "abs"]),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 2),
)
def test_reduce_on_plateau(losses, mode, kind, patience, cooldown):
    options = {"mode": mode, "factor": 0.5, "patience": patience, "threshold": 0.01, "threshold_mode": kind}
    options |= {"cooldown": cooldown, "min_lr": 0.05}
    optimizer = bp.SGD([bp.Parameter([1.0])], lr=0.5)
    theirs = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    schedule, their_schedule = (
        bp.ReduceLROnPlateau(optimizer, **options),
        SCHEDULERS.ReduceLROnPlateau(theirs, **options),
    )
    for loss in losses:
        schedule.step(loss)
        their_schedule.step(loss)
        assert optimizer.param_groups[0]["lr"] == theirs.param_groups[0]["lr"]
    other = bp.ReduceLROnPlateau(bp.SGD([bp.Parameter([1.0])], lr=9.0), **options)
    other.load_state_dict(schedule.state_dict())
    assert (other.best, other.get_last_lr()) == (schedule.best, schedule.get_last_lr())


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("max_norm", [0.1, 100.0])
def test_clipping(norm_type, max_norm):
    rng = np.random.default_rng(0)
    grads = [rng.standard_normal(shape) for shape in ((3, 4), (5,))]
    ours = [bp.Parameter(np.zeros(grad.shape)) for grad in grads] + [bp.Parameter([1.0])]
    theirs = [torch.nn.Parameter(torch.zeros(grad.shape, dtype=torch.float64)) for grad in grads]
    for mine, its, grad in zip(ours, theirs, grads, strict=False):
        mine.accumulate(grad)
        its.grad = torch.tensor(grad)
    norm = bp.clip_grad_norm_(ours, max_norm, norm_type)
    its_norm = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    np.testing.assert_allclose(norm, its_norm.item(), rtol=1e-12)
    bp.clip_grad_value_(ours, 0.02)
    torch.nn.utils.clip_grad_value_(theirs, 0.02)
    for mine, its in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(mine.grad, its.grad.numpy(), rtol=1e-12)
    assert ours[-1].grad is None
