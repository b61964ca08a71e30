"""PyTorch's own database of its modules: every kind of layer and loss, its options and inputs, run against us.

`KNOWN` says what differs on purpose; everything else must agree, forward and backward, in training and evaluation.
"""

import copy
import inspect
import warnings

import numpy as np
import pytest

import backprop as bp
from backprop.errors import BackpropError

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("expecttest", reason="expecttest, which PyTorch's database of modules imports, is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import module_db

KINDS = {info.module_cls.__name__: info for info in module_db}
ABSENT = {  # why there is no such kind here
    "FractionalMaxPool2d": "its windows are random, and nobody teaches it",
    "FractionalMaxPool3d": "its windows are random, and nobody teaches it",
    "LinearCrossEntropyLoss": "a fused variant of two that are here",
    "TransformerDecoderLayer": "the lecture has no translation; TransformerEncoderLayer with is_causal reads in order",
    "Transformer": "the lecture has no translation",
}
KNOWN = {  # kind -> (a word of the refusal, why)
    "KLDivLoss": ("log-probabilities", "numbers above 0 are no log-probabilities, and are refused"),
    "MarginRankingLoss": ("targets among", "a target 0 says nothing about the order, and is refused"),
    "LSTM": ("proj_size", "a projected state is not here"),
}


def ours(thing):
    """A thing of PyTorch's as ours: tensors as arrays, modules as modules."""
    if isinstance(thing, torch.Tensor):
        return thing.detach().numpy().copy()
    if isinstance(thing, (tuple, list)):
        return type(thing)(ours(part) for part in thing)
    if isinstance(thing, torch.nn.Module):
        return module(type(thing), *made_of(thing))
    return (
        {torch.nn.functional.relu: "relu", torch.nn.functional.gelu: "gelu"}.get(thing, thing)
        if callable(thing)
        else thing
    )


def made_of(theirs):
    """(args, options) that make a module of PyTorch's again."""
    if isinstance(theirs, torch.nn.TransformerEncoderLayer):
        attention, gelu = theirs.self_attn, theirs.activation is torch.nn.functional.gelu
        options = {"dropout": theirs.dropout.p, "norm_first": theirs.norm_first, "batch_first": attention.batch_first}
        options |= {"bias": theirs.linear1.bias is not None, "layer_norm_eps": theirs.norm1.eps}
        sizes = attention.embed_dim, attention.num_heads, theirs.linear1.out_features
        return sizes, {**options, "activation": "gelu" if gelu else "relu"}
    return (), {}


def module(kind, args, options):
    made = getattr(bp, kind.__name__)
    options = {name: ours(value) for name, value in options.items() if name not in ("device", "dtype")}
    if kind is torch.nn.TransformerEncoder:
        options = {name: value for name, value in options.items() if name in ("num_layers", "norm")}
    wants = inspect.signature(made.__init__).parameters
    types = {"dtype": np.float64} if "dtype" in wants or "options" in wants else {}
    return made(*ours(args), **options, **types)


def arrays(thing):
    """The arrays, tensors and numbers in a thing, in order."""
    if isinstance(thing, (tuple, list)):
        return [found for part in thing for found in arrays(part)]
    return [thing] if isinstance(thing, (torch.Tensor, np.ndarray, np.floating, float)) else []


def near(mine, theirs, what):
    theirs = theirs.detach().numpy()
    assert np.shape(mine) == theirs.shape, what
    if what.startswith("delta"):  # 0 times NaN is 0 here: what no window saw has no delta
        mine = np.where((mine == 0) & np.isnan(theirs), theirs, mine)
    np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-9, err_msg=what)


def compare(kind, given, training):
    args, options = given.constructor_input.args, given.constructor_input.kwargs
    inputs, named = given.forward_input.args, given.forward_input.kwargs
    torch.manual_seed(0)
    theirs = kind(*copy.deepcopy(args), **copy.deepcopy(options)).double().train(training)
    mine = module(kind, args, options).train(training)
    if any(isinstance(p, torch.nn.parameter.UninitializedParameter) for p in theirs.parameters()):
        theirs(*inputs, **named)
    before = {name: t.detach().numpy().copy() for name, t in theirs.state_dict().items()}
    wanted = theirs(*inputs, **named)
    order = list(inspect.signature(theirs.forward).parameters)
    places = {name: order.index(name) for name in named if isinstance(named[name], torch.Tensor)}
    lead = [name for name, place in places.items() if place < 1]  # linear(input=x)
    inputs = [*(named[name] for name in lead), *inputs]
    named = {name: ours(value) for name, value in named.items() if name not in lead and name != "need_weights"}
    named = {name: value for name, value in named.items() if name not in ("average_attn_weights",)}
    if type(mine).__name__.startswith("Lazy"):
        mine(*map(ours, inputs))
    mine.load_state_dict(before)
    given_inputs = list(map(ours, inputs))
    found = mine(*given_inputs, **named)
    if kind in (torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM, torch.nn.MultiheadAttention):
        wanted = wanted[0]  # ours returns the states and the weights as attributes
    for n, (a, b) in enumerate(zip(arrays(found), arrays(wanted), strict=True)):
        near(a, b, f"output {n + 1}")
    learning = [out for out in arrays(wanted) if out.requires_grad]
    if not learning:
        return
    rng = np.random.default_rng(0)
    deltas = [np.asarray(rng.standard_normal(tuple(out.shape))) for out in learning]
    torch.autograd.backward(learning, [torch.tensor(delta) for delta in deltas])
    below = mine.backward(*deltas)
    pairs = zip(arrays(below if isinstance(below, tuple) else [below]), arrays(inputs), strict=False)
    for n, (delta, x) in enumerate(pairs):
        if x.grad is not None and kind is not torch.nn.CTCLoss:  # whose delta is that of a softmax before it
            near(delta, x.grad, f"delta {n + 1}")
        x.grad = None
    grads = dict(mine.named_parameters())
    for name, parameter in theirs.named_parameters():
        if parameter.grad is not None:
            near(grads[name].grad, parameter.grad, name)


def cases(name):
    info = KINDS[name]
    for training in (True, False):
        for given in info.module_inputs_func(info, "cpu", torch.float64, requires_grad=True, training=training):
            yield info.module_cls, given, training


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(KINDS.keys() - ABSENT.keys()))
def test_a_kind_of_module_agrees_with_pytorch_in_all_of_its_own_cases(name):
    refused = 0
    for kind, given, training in cases(name):
        try:
            compare(kind, given, training)
        except (BackpropError, TypeError) as error:
            if KNOWN.get(name, ("\0",))[0] not in str(error):
                raise
            refused += 1
    assert bool(refused) == (name in KNOWN)


def test_at_least_a_hundred_kinds_are_fully_right_and_each_other_one_has_a_reason():
    assert len(KINDS) - len(ABSENT) - len(KNOWN) >= 100
    assert not [name for name in KINDS if not hasattr(bp, name) and name not in ABSENT]
