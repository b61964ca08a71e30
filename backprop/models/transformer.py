"""The transformer's encoder: attention lets positions exchange what they know, then each is transformed alone.

Names, options and `state_dict` are PyTorch's (Vaswani and others, 2017; norm_first is Xiong and others', 2020).
"""

import copy

import numpy as np

from backprop.errors import OptionError
from backprop.graph import Graph
from backprop.layers import GELU, Dropout, LayerNorm, Linear, MultiheadAttention, ReLU
from backprop.module import Module
from backprop.module.options import whole
from backprop.module.rng import Stream

ACTIVATIONS = {"relu": ReLU, "gelu": GELU}


class TransformerEncoderLayer(Graph):
    """Attention, then two linear layers at each position; each of the two adds a correction to what it gets.

        a (N, L, D), or (L, N, D) unless `batch_first`; so is the output        sigma is `activation`

    norm_first     b = a + attention(norm1(a)),   out = b + linear2(sigma(linear1(norm2(b))))
    otherwise      b = norm1(a + attention(a)),   out = norm2(b + linear2(sigma(linear1(b))))

    backward  (17)  delta goes down both ways of each sum

    `dropout` acts on the weights of attention, on its output, behind sigma and behind linear2.

    Options of the call are `src_mask` (MultiheadAttention's attn_mask), `src_key_padding_mask` and `is_causal`.
    `activation` is "relu", "gelu", or a Module.
    """

    recordable = True

    def __init__(
        self,
        d_model,
        nhead,
        dim_feedforward=2048,
        dropout=0.1,
        activation="relu",
        layer_norm_eps=1e-5,
        batch_first=False,
        norm_first=False,
        bias=True,
        dtype=np.float32,
    ):
        if not isinstance(activation, Module) and activation not in ACTIVATIONS:
            raise OptionError(f"activation must be 'relu', 'gelu' or a Module, got {activation!r}")
        self.norm_first = bool(norm_first)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)
        self.linear1, self.linear2 = (
            Linear(d_model, dim_feedforward, bias, dtype),
            Linear(dim_feedforward, d_model, bias, dtype),
        )
        self.norm1, self.norm2 = (LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype) for _ in range(2))
        self.dropout, self.dropout1, self.dropout2 = (Dropout(dropout) for _ in range(3))
        self.activation = activation if isinstance(activation, Module) else ACTIVATIONS[activation]()

    def build(self, a, src_mask=None, src_key_padding_mask=None, is_causal=False):
        masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
        if self.norm_first:
            a = a + self._attend(self.norm1(a), masks)
            return a + self._think(self.norm2(a))
        a = self.norm1(a + self._attend(a, masks))
        return self.norm2(a + self._think(a))

    def _attend(self, a, masks):
        return self.dropout1(self.self_attn(a, **masks))

    def _think(self, a):
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(a)))))


class TransformerEncoder(Graph):
    """`num_layers` copies of an encoder layer, one after the other, then `norm`, if it is given.

    The copies start with the same weights, as PyTorch's do, and learn apart; each drops units of its own.

    Options of the call are `mask`, `src_key_padding_mask` and `is_causal`, the same for each layer.
    """

    recordable = True

    def __init__(self, encoder_layer, num_layers, norm=None):
        self.layers = [copy.deepcopy(encoder_layer) for _ in range(whole("num_layers", num_layers))]
        for layer in self.layers:
            for _, stream in layer.named_streams():
                stream.seek(Stream().seed, 0)
        self.norm = norm

    def build(self, a, mask=None, src_key_padding_mask=None, is_causal=False):
        for layer in self.layers:
            a = layer(a, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=is_causal)
        return a if self.norm is None else self.norm(a)
