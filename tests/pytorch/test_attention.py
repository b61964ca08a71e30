"""Attention and the transformer's encoder over random options and masks, against PyTorch in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

some = settings(deadline=None, max_examples=60)
few = st.integers(1, 6)


def near(mine, theirs):
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10 * max(1, np.abs(theirs).max(initial=0)))


def same_weights(mine, theirs, rng):
    for parameter in theirs.parameters():
        parameter.data = torch.tensor(rng.standard_normal(parameter.shape))
    mine.load_state_dict({name: array.numpy() for name, array in theirs.state_dict().items()})


def same_gradients(mine, theirs):
    theirs = dict(theirs.named_parameters())
    assert theirs.keys() == {name for name, _ in mine.named_parameters()}
    for name, parameter in mine.named_parameters():
        near(parameter.grad, theirs[name].grad)


def masks(rng, N, heads, L, S, kind, padded):
    """(attn_mask, key_padding_mask) that leave each query the first key."""
    attn = None
    if kind == "bool":
        attn = rng.random((L, S)) < 0.5
        attn[:, 0] = False
    elif kind:
        attn = rng.standard_normal((L, S) if kind == "added" else (N * heads, L, S))
    padding = rng.random((N, S)) < 0.4 if padded else None
    if padded:
        padding[:, 0] = False
    return attn, padding


@some
@given(
    heads=st.integers(1, 3), E=few, L=few, S=few, N=few, widths=st.sampled_from([None, (3, 2), (5, 5)]),
    batch_first=st.booleans(), bias=st.booleans(), own=st.booleans(),
    kind=st.sampled_from(["", "bool", "added", "each"]), padded=st.booleans(), seed=st.integers(0, 999),
)  # fmt: skip
def test_multihead_attention(heads, E, L, S, N, widths, batch_first, bias, own, kind, padded, seed):
    rng, D = np.random.default_rng(seed), heads * E
    own = own and widths is None
    S, (kdim, vdim) = L if own else S, widths or (None, None)
    options = {"bias": bias, "kdim": kdim, "vdim": vdim, "batch_first": batch_first}
    theirs = torch.nn.MultiheadAttention(D, heads, dtype=torch.float64, **options)
    mine = bp.MultiheadAttention(D, heads, dtype=np.float64, **options)
    same_weights(mine, theirs, rng)
    shapes = [(L, N, D)] if own else [(L, N, D), (S, N, kdim or D), (S, N, vdim or D)]
    given_ = [rng.standard_normal(shape).swapaxes(0, 1 if batch_first else 0) for shape in shapes]
    tensors = [torch.tensor(x, requires_grad=True) for x in given_]
    attn, padding = masks(rng, N, heads, L, S, kind, padded)
    told = {"attn_mask": attn, "key_padding_mask": padding}
    if padded and kind in ("added", "each"):  # PyTorch wants both of one type
        told["key_padding_mask"] = np.where(padding, -np.inf, 0)
    of_torch = {name: None if mask is None else torch.tensor(mask) for name, mask in told.items()}
    wanted, weights = theirs(*(tensors * 3 if own else tensors), average_attn_weights=False, **of_torch)
    out = mine(*given_, attn_mask=attn, key_padding_mask=padding)
    near(out, wanted)
    near(mine.attn_weights, weights)
    delta = rng.standard_normal(out.shape)
    wanted.backward(torch.tensor(delta))
    below = mine.backward(delta)
    for d, tensor in zip([below] if own else below, tensors, strict=True):
        near(d, tensor.grad)
    same_gradients(mine, theirs)


@settings(deadline=None, max_examples=25)
@given(
    heads=st.integers(1, 2), E=st.integers(2, 4), L=few, N=few, batch_first=st.booleans(), norm_first=st.booleans(),
    bias=st.booleans(), causal=st.booleans(), last=st.booleans(), activation=st.sampled_from(["relu", "gelu"]),
    seed=st.integers(0, 999),
)  # fmt: skip
def test_transformer_encoder(heads, E, L, N, batch_first, norm_first, bias, causal, last, activation, seed):
    rng, D = np.random.default_rng(seed), heads * E
    options = {"batch_first": batch_first, "norm_first": norm_first, "bias": bias, "activation": activation}
    layer = torch.nn.TransformerEncoderLayer(D, heads, 7, 0.0, dtype=torch.float64, **options)
    norm = torch.nn.LayerNorm(D, dtype=torch.float64) if last else None
    theirs = torch.nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False)
    layer = bp.TransformerEncoderLayer(D, heads, 7, 0.0, dtype=np.float64, **options)
    mine = bp.TransformerEncoder(layer, 2, bp.LayerNorm(D, dtype=np.float64) if last else None)
    same_weights(mine, theirs, rng)
    x = rng.standard_normal((N, L, D) if batch_first else (L, N, D))
    tensor = torch.tensor(x, requires_grad=True)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(L, dtype=torch.float64) if causal else None
    wanted, out = theirs(tensor, mask=mask), mine(x, is_causal=causal)
    near(out, wanted)
    delta = rng.standard_normal(out.shape)
    wanted.backward(torch.tensor(delta))
    near(mine.backward(delta), tensor.grad)
    same_gradients(mine, theirs)


@pytest.mark.parametrize("kernels", ["cpu", "reference"])
@pytest.mark.parametrize("sizes", [(0, 3, 3), (2, 0, 3)])
def test_empty_batches_and_no_queries(kernels, sizes):
    N, L, S = sizes
    with bp.use_kernels(kernels):
        layer = bp.MultiheadAttention(4, 2, batch_first=True)
        out = layer(np.ones((N, L, 4), np.float32), np.ones((N, S, 4), np.float32), np.ones((N, S, 4), np.float32))
        assert out.shape == (N, L, 4)
        assert [d.shape for d in layer.backward(out)] == [(N, L, 4), (N, S, 4), (N, S, 4)]


def test_a_value_without_a_key_lost_its_delta_and_is_refused():
    x = np.ones((2, 3, 4), np.float32)
    with pytest.raises(bp.OptionError, match="a value needs a key"):
        bp.MultiheadAttention(4, 2)(x, value=x)


def test_an_input_of_a_graph_that_is_given_by_name_is_refused():
    class Cross(bp.Graph):
        def __init__(self):
            self.attention = bp.MultiheadAttention(4, 2)

        def build(self, a, b):
            return self.attention(a, key=b, value=b)

    x = np.ones((2, 3, 4), np.float32)
    with pytest.raises(bp.GradientError, match="give key by its place"):
        Cross()(x, x)


def test_the_layers_of_an_encoder_drop_units_of_their_own():
    net = bp.TransformerEncoder(bp.TransformerEncoderLayer(4, 2, 3, 0.5), 3)
    seeds = [stream.seed for _, stream in net.named_streams()]
    assert len(set(seeds)) == len(seeds) == 12
