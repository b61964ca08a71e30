"""Whatever the network: the loop by hand, `fit`, its recorded step, one thread and two, and a run that was resumed give
the same bits; and all kernels, and PyTorch, the same numbers.
"""

import numpy as np
import pytest

import backprop as bp
from backprop.training.plan import Plan
from tests.networks import Case, Reader, Shared


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--networks")))


def state_of(run):
    arrays = {**run.net.state_dict(), **{f"optim.{name}": a for name, a in run.optimizer.state_dict().items()}}
    return {name: array.tobytes() for name, array in arrays.items()}


def by_hand(run, epochs=2):
    losses = []
    for _ in range(epochs):
        for x, y in run.loader:
            L = run.loss(run.net(x), y)
            run.optimizer.zero_grad()
            run.net.backward(run.loss.backward())
            run.optimizer.step()
            if run.schedule is not None:
                run.schedule.step()
            losses.append(L)
    return losses


def by_fit(run, epochs=2, **options):
    how = {"schedule": run.schedule, "progress": False, "allow_wrong_classes": True, "check_finite": False, **options}
    return bp.fit(run.net, run.loss, run.optimizer, run.loader, epochs=epochs, **how).losses


def test_fit_and_a_resumed_run_and_any_number_of_threads_give_the_bits_of_the_loop_by_hand(seed, tmp_path):
    case = Case(seed)
    run = case.make()
    losses = by_hand(run)
    expected = state_of(run)
    for threads in (1, 2):
        bp.set_num_threads(min(threads, MOST))
        try:
            other = case.make()
            assert np.array_equal(by_fit(other), losses, equal_nan=True)
            assert state_of(other) == expected
        finally:
            bp.set_num_threads(MOST)
    middle = case.make()
    checkpoint = bp.Checkpoint(tmp_path / "run", every=0)
    stop = np.random.default_rng(seed).integers(1, len(losses))
    with pytest.raises(KeyError):
        by_fit(middle, checkpoint=checkpoint, after_step=Stop(stop))
    resumed = case.make()
    history = checkpoint.load(resumed.net, resumed.optimizer, resumed.schedule, resumed.loader)
    assert np.array_equal(by_fit(resumed, history=history), losses, equal_nan=True)
    assert state_of(resumed) == expected


MOST = bp.get_num_threads()


class Stop:
    """A crash after so many steps."""

    def __init__(self, step):
        self.step = step

    def __call__(self, done):
        if done > self.step:
            raise KeyError


def test_all_kernels_give_the_same_numbers_in_float64(seed):
    found = []
    for name in ("reference", "cpu"):
        with bp.use_kernels(name):
            run = Case(seed, np.float64).make()
            x, y = next(iter(run.loader))
            z = run.net(x)
            L = run.loss(z, y)
            below = run.net.backward(run.loss.backward())
            grads = [p.grad for p in run.net.parameters() if p.grad is not None]
            run.optimizer.step()
            found.append([z, np.array(L), below, *grads])
    assert len(found[0]) > 3
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def test_forward_and_backward_agree_with_pytorch_in_float64(seed):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    run = Case(seed, np.float64, dropout=False).make()
    x, _ = next(iter(run.loader))
    twin, known = as_torch(torch, run.net)
    a = torch.tensor(x, requires_grad=True)
    expected = twin(a)
    found = run.net(x)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-10, atol=1e-10)
    delta = np.random.default_rng(seed).standard_normal(found.shape)
    below = run.net.backward(delta)
    expected.backward(torch.tensor(delta))
    np.testing.assert_allclose(below, a.grad.numpy(), rtol=1e-9, atol=1e-10)
    for parameter, theirs in known:
        if parameter.requires_grad:
            np.testing.assert_allclose(parameter.grad, theirs.grad.numpy(), rtol=1e-9, atol=1e-10)


def as_torch(torch, net):
    """(the same network in PyTorch, pairs of parameters)"""
    nn, pairs = torch.nn, []

    class Of(nn.Module):
        """What a block of ours computes."""

        def __init__(self, compute, *parts):
            super().__init__()
            self.compute, self.parts = compute, nn.ModuleList(parts)

        def forward(self, a):
            return self.compute(a, *self.parts)

    def leaf(module):
        name, options = type(module).__name__, {}
        if name in ("RNN", "GRU", "LSTM"):
            twin = getattr(nn, name)(module.input_size, module.hidden_size, batch_first=True)
        else:
            twin = getattr(nn, name)(*TORCH_OPTIONS.get(name, lambda m: ())(module), **options)
        twin = twin.double()
        twin.load_state_dict({key: torch.tensor(array) for key, array in module.state_dict().items()})
        theirs = dict(twin.named_parameters())
        pairs.extend((parameter, theirs[key]) for key, parameter in module.named_parameters())
        return twin

    def converted(module):
        if isinstance(module, bp.models.blocks.Residual):
            return Of(lambda a, body: a + body(a), converted(module.body))
        if isinstance(module, bp.models.blocks.Branches):
            return Of(lambda a, *parts: torch.cat([part(a) for part in parts], 1), *map(converted, module.branches))
        if isinstance(module, Shared):
            return Of(lambda a, one: one(torch.tanh(one(a))) * 0.5 + a, leaf(module.parts["layer"]))
        if isinstance(module, Reader):
            return Of(lambda a, reader: reader(a)[0][:, -1], leaf(module.layer))
        if isinstance(module, bp.Sequential):
            return nn.Sequential(*map(converted, module))
        return leaf(module)

    return converted(net), pairs


TORCH_OPTIONS = {
    "Linear": lambda m: (m.in_features, m.out_features, m.bias is not None),
    "Conv1d": lambda m: (m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding),
    "Conv2d": lambda m: (m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding),
    "BatchNorm1d": lambda m: (m.num_features,),
    "BatchNorm2d": lambda m: (m.num_features,),
    "GroupNorm": lambda m: (m.num_groups, m.num_channels),
    "LayerNorm": lambda m: (m.normalized_shape,),
    "RMSNorm": lambda m: (m.normalized_shape,),
    "MaxPool2d": lambda m: (m.kernel_size, m.stride, m.padding),
    "AvgPool1d": lambda m: (m.kernel_size, m.stride, m.padding),
    "AdaptiveAvgPool2d": lambda m: (m.output_size,),
    "ReflectionPad1d": lambda m: (m.padding,),
    "Softmax": lambda m: (m.dim,),
    "LogSoftmax": lambda m: (m.dim,),
    "Flatten": lambda m: (m.start_dim, m.end_dim),
    "Unflatten": lambda m: (m.dim, m.unflattened_size),
}


def test_all_of_them_are_recorded():
    """Else the tests above would say nothing of recorded steps."""
    for seed in range(12):
        run = Case(seed).make()
        x, y = next(iter(run.loader))
        plan = Plan(run.net, run.loss)
        assert plan.step(x, y) is not None, (seed, plan.reason)
