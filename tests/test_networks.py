"""Whatever the network: the loop by hand, `fit`, its recorded step, one thread and two, and a run that was resumed give
the same bits; and all kernels, and PyTorch, the same numbers.
"""

import numpy as np
import pytest

import backprop as bp
from backprop.training.plan import Plan
from tests.networks import Case, Cells, Reader, Shared


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--networks")))


@pytest.fixture(autouse=True)
def _some_diverge():
    with np.errstate(over="ignore", invalid="ignore"):
        yield


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
            found.append([z, np.array(L), *([] if below is None else [below]), *grads])
    assert len(found[0]) > 3
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def test_forward_and_backward_agree_with_pytorch_in_float64(seed):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    run = Case(seed, np.float64, dropout=False).make()
    x, _ = next(iter(run.loader))
    twin, known = as_torch(torch, run.net)
    a = torch.tensor(x, requires_grad=x.dtype.kind == "f")
    expected = twin(a)
    found = run.net(x)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-10, atol=1e-10)
    delta = np.random.default_rng(seed).standard_normal(found.shape)
    below = run.net.backward(delta)
    expected.backward(torch.tensor(delta))
    if a.requires_grad:
        np.testing.assert_allclose(below, a.grad.numpy(), rtol=1e-9, atol=1e-10)
    else:
        assert below is None  # words have no gradient
    for parameter, theirs in known:
        if parameter.requires_grad:
            np.testing.assert_allclose(parameter.grad, theirs.grad.numpy(), rtol=1e-9, atol=1e-10)


OPTIMIZERS = {
    "SGD": [{"lr": 0.05}, {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}],
    "Adam": [{"lr": 0.01, "amsgrad": True}, {"lr": 0.01, "weight_decay": 0.1}],
    "AdamW": [{"lr": 0.01}],
    "RMSprop": [{"lr": 0.01, "centered": True, "momentum": 0.5}],
    "Adagrad": [{"lr": 0.05, "lr_decay": 0.1, "initial_accumulator_value": 0.1}],
    "NAdam": [{"lr": 0.01, "weight_decay": 0.1}],
}


def test_five_steps_of_each_optimizer_by_a_recorded_step_agree_with_pytorch_in_float64(seed):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for name, options in [(name, options) for name, some in OPTIMIZERS.items() for options in some]:
        run = Case(seed, np.float64, dropout=False).make()
        twin, known = as_torch(torch, run.net)
        theirs = loss_as_torch(torch, run.loss)
        for ours, other in known:
            other.requires_grad_(ours.requires_grad)
        ours = getattr(bp, name)(run.net.parameters(), **options)
        other = getattr(torch.optim, name)(twin.parameters(), **options)
        step, batches = bp.compile(run.net, run.loss), [*run.loader, *run.loader][:5]
        sure = {ours: True for ours, _ in known}  # not of a gradient that is 0 but for rounding, before a batch norm
        for x, y in batches:
            ours.zero_grad(), other.zero_grad()
            L, M = step(x, y), theirs(twin(torch.tensor(x)), torch.tensor(y))
            assert step.reason is None
            np.testing.assert_allclose(L, M.item(), rtol=1e-6)
            step.backward(), M.backward()
            for one, two in known:
                if one.requires_grad:
                    grad = two.grad.numpy()
                    sure[one] = sure[one] & ((grad == 0) | (abs(grad) > 1e-9))
            ours.step(), other.step()
        for one, two in known:
            away = abs(one.data - two.detach().numpy()) > 1e-7 + 1e-5 * abs(one.data)
            assert not (away & sure[one]).any()


def loss_as_torch(torch, loss):
    names = "weight", "ignore_index", "label_smoothing", "reduction", "delta", "beta", "pos_weight"
    options = {name: getattr(loss, name) for name in names if getattr(loss, name, None) is not None}
    options = {name: torch.tensor(v.data) if isinstance(v, bp.Buffer) else v for name, v in options.items()}
    return getattr(torch.nn, type(loss).__name__)(**options)


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
        elif name == "TransformerEncoderLayer":
            sizes = module.self_attn.embed_dim, module.self_attn.num_heads, 5, 0.0, "gelu"
            twin = nn.TransformerEncoderLayer(*sizes, batch_first=True, norm_first=module.norm_first)
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
        if isinstance(module, Cells):
            return Of(by_cells, leaf(module.cell))
        if isinstance(module, bp.MultiheadAttention):
            return Of(lambda a, attention: attention(a, a, a)[0], leaf(module))
        if isinstance(module, bp.Sequential):
            return nn.Sequential(*map(converted, module))
        return leaf(module)

    return converted(net), pairs


def by_cells(x, cell):
    kept = cell(x[:, 0])
    for t in range(1, x.shape[1]):
        kept = cell(x[:, t], kept)
    return kept[0] * kept[1] if isinstance(kept, tuple) else kept


def convolution(m):
    sizes = m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding
    return *sizes, m.dilation, m.groups, m.bias is not None


TORCH_OPTIONS = {
    "Linear": lambda m: (m.in_features, m.out_features, m.bias is not None),
    "Embedding": lambda m: (m.num_embeddings, m.embedding_dim),
    "Conv1d": lambda m: convolution(m),
    "Conv2d": lambda m: convolution(m),
    "ConvTranspose2d": lambda m: (m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding),
    **dict.fromkeys(("ZeroPad2d", "ReplicationPad2d", "CircularPad2d"), lambda m: (m.padding,)),
    "MaxPool1d": lambda m: (m.kernel_size, m.stride, m.padding),
    "AvgPool2d": lambda m: (m.kernel_size, m.stride, m.padding),
    "BatchNorm1d": lambda m: (m.num_features,),
    "BatchNorm2d": lambda m: (m.num_features,),
    "GroupNorm": lambda m: (m.num_groups, m.num_channels),
    "LayerNorm": lambda m: (m.normalized_shape,),
    "RMSNorm": lambda m: (m.normalized_shape,),
    "MaxPool2d": lambda m: (m.kernel_size, m.stride, m.padding),
    "AvgPool1d": lambda m: (m.kernel_size, m.stride, m.padding),
    "AdaptiveAvgPool2d": lambda m: (m.output_size,),
    "AdaptiveMaxPool2d": lambda m: (m.output_size,),
    "InstanceNorm2d": lambda m: (m.num_features, m.eps, m.momentum, True),
    "LocalResponseNorm": lambda m: (m.size, m.alpha, m.beta, m.k),
    "Unfold": lambda m: (m.kernel_size, m.dilation, m.padding, m.stride),
    "MultiheadAttention": lambda m: (m.embed_dim, m.num_heads, 0.0, True, False, False, None, None, True),
    **dict.fromkeys(("RNNCell", "GRUCell", "LSTMCell"), lambda m: (m.input_size, m.hidden_size)),
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
