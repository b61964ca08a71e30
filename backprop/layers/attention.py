"""Attention: each position takes a mean of what others offer, weighed by how well they fit.  Lecture A 59:22.

Two tokens, one head of one number, by hand: queries 1 and 0, keys 2 and 0, values 3 and 5.

>>> import numpy as np
>>> from backprop import functional as F
>>> q, k, v = (np.array(x).reshape(1, 2, 1) for x in ([1., 0], [2., 0], [3., 5]))
>>> o, w = F.attention(q, k, v)
>>> w[0, 0].round(4)                              # (48a) column 1 is query 1: e^2 and e^0, 0.8808 and 0.1192 of them
array([[0.8808, 0.5   ],
       [0.1192, 0.5   ]])
>>> o[0, :, 0].round(4)                           # (48b) 0.8808*3 + 0.1192*5, and 0.5*3 + 0.5*5
array([3.2384, 4.    ])
>>> delta_q, delta_k, delta_v = F.attention_backward(np.array([1., 0]).reshape(1, 2, 1), q, k, v, w)
>>> delta_v[0, :, 0].round(4)                     # (48c) each value's weight in o_1, times delta_1 = 1
array([0.8808, 0.1192])
>>> # (48d) delta_w of o_1 is v: 3 and 5; (48e) 0.8808*(3 - 3.2384) = -0.21, and 0.1192*(5 - 3.2384) = 0.21
>>> delta_q[0, :, 0].round(4)                     # (48f) -0.21*2 + 0.21*0
array([-0.42,  0.  ])
>>> delta_k[0, :, 0].round(4)                     # (48g) -0.21*1 and 0.21*1
array([-0.21,  0.21])
"""

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError, ShapeError
from backprop.functional.arrays import stretched, summed_to
from backprop.functional.attention import NO_KEY, additive_mask, causal_mask
from backprop.kernels.device import device_of, is_array
from backprop.kernels.transfer import to_device
from backprop.layers.linear import Linear
from backprop.module import Module, Parameter
from backprop.module.options import probability, whole
from backprop.module.rng import Stream, generator


class MultiheadAttention(Module):
    """Several heads look at the same sequence, each for something else: L queries, S keys and values.

        query (N, L, D)   key (N, S, kdim)   value (N, S, vdim)   out (N, L, D)     D: embed_dim; kdim, vdim: D

    forward   (49a)  q, k, v      = query W_q^T + b_q, key W_k^T + b_k, value W_v^T + b_v
              (48a)  w[s,l]       = e^(z[s,l] + mask[s,l]) / sum_r e^(z[r,l] + mask[r,l]), z[s,l] = k[s] q[l] / sqrt(E)
              (48b)  o[l]         = sum_s w[s,l] v[s]
              (49b)  out          = o W_o^T + b_o
    backward  (48c)  delta_v[s]   = sum_l w[s,l] delta_o[l]                each query took w[s,l] of it
              (48d)  delta_w[s,l] = v[s] delta_o[l]
              (48e)  delta_z[s,l] = w[s,l] (delta_w[s,l] - sum_r w[r,l] delta_w[r,l])          softmax, (4s)
              (48f)  delta_q[l]   = sum_s delta_z[s,l] k[s] / sqrt(E)
              (48g)  delta_k[s]   = sum_l delta_z[s,l] q[l] / sqrt(E)

    and (5), (6) and (7) of four linear layers. Each head does this with E = D / heads of the numbers of q, k, v and o.
    Dot products of vectors of E numbers near 1 grow as sqrt(E); divided by it they stay near 1: else one weight would
    soon be 1, all others 0, and softmax's slope 0. In training `dropout` drops weights in (48b), and the same in (48c)
    and (48d). In the comments cut(q) is (N, heads, L, E), join its reverse, and w (N, heads, S, L).

    `layer(x)` is self-attention, `layer(query, key, value)` attends to another sequence; backward then returns three
    deltas. Inputs are (L, N, D), ... unless `batch_first`, or (L, D), ... of a single sequence. `attn_mask` (L, S) or
    (N heads, L, S) is True where a query must not look, or is added to the scores; `key_padding_mask` (N, S) is True at
    keys that are padding; `is_causal` lets step t see the steps up to t. Where a query may look at nothing its o is 0.
    `add_bias_kv` and `add_zero_attn` add a key and a value that are learned, and a pair of zeros, to each sequence.
    PyTorch returns the weights, too; here `attn_weights` has those of the last call, (N, heads, L, S).

    Weights and `state_dict` are PyTorch's: W_q, W_k, W_v are rows of in_proj_weight (3D, D), or, where kdim or vdim is
    not D, q_proj_weight, k_proj_weight and v_proj_weight; W_o is out_proj.weight.

    Raises OptionError unless D is a multiple of the heads, ShapeError for other sizes.
    """

    analytic = True
    recordable = True

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        dtype=np.float32,
    ):
        self.embed_dim, self.num_heads = whole("embed_dim", embed_dim, 1), whole("num_heads", num_heads, 1)
        if embed_dim % num_heads:
            raise OptionError(f"embed_dim must be a multiple of num_heads, got {embed_dim} and {num_heads}")
        self.kdim = whole("kdim", embed_dim if kdim is None else kdim, 1)
        self.vdim = whole("vdim", embed_dim if vdim is None else vdim, 1)
        self.dropout, self.batch_first, self.stream = probability("dropout", dropout), batch_first, Stream()
        widths, D = (embed_dim, self.kdim, self.vdim), embed_dim
        self.stacked = set(widths) == {D}
        shapes = {"in_proj_weight": (3 * D, D)} if self.stacked else {}
        for name, width in zip("qkv", widths, strict=True):
            shapes |= {} if self.stacked else {f"{name}_proj_weight": (D, width)}
        for name, shape in shapes.items():
            bound = np.sqrt(6 / sum(shape))  # Glorot and Bengio, 2010
            setattr(self, name, Parameter(generator().uniform(-bound, bound, shape).astype(dtype)))
        self.in_proj_bias = Parameter(np.zeros(3 * D, dtype)) if bias else None
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            drawn = generator().normal(0, 1 / np.sqrt(D), (2, 1, 1, D)).astype(dtype)
            self.bias_k, self.bias_v = map(Parameter, drawn)
        self.add_zero_attn = add_zero_attn
        self.out_proj = Linear(D, D, bias, dtype)
        if bias:
            self.out_proj.bias.data[...] = 0

    def forward(self, query, key=None, value=None, *, attn_mask=None, key_padding_mask=None, is_causal=False):
        if key is None and value is not None:
            raise OptionError("a value needs a key: call it with query, key and value, or with one input for all")
        own, key = key is None, query if key is None else key
        inputs = query, key, key if value is None else value
        single = query.ndim == 2
        query, key, value = (self._batch_first(x, single, name) for name, x in zip(NAMES, inputs, strict=True))
        (W_q, b_q), (W_k, b_k), (W_v, b_v) = self._projections()
        mask = self._masks(query, key, attn_mask, key_padding_mask, is_causal)
        q = F.linear(query, W_q, b_q)  # (49a) query @ W_q.T + b_q
        k = F.linear(key, W_k, b_k)  # (49a) key @ W_k.T + b_k
        v = F.linear(value, W_v, b_v)  # (49a) value @ W_v.T + b_v
        k, v = self._lengthened(k, self.bias_k), self._lengthened(v, self.bias_v)
        of_weights = (len(q), self.num_heads, q.shape[1], k.shape[1])
        drop = (self.stream.next_key(of_weights), self.dropout) if self.training and self.dropout else (NO_KEY, 0.0)
        # (48a) w = softmax(cut(k) @ cut(q).swapaxes(2, 3) / sqrt(E), 2)
        # (48b) o = join(w.swapaxes(2, 3) @ cut(v))
        o, w = F.attention(q, k, v, self.num_heads, mask, *drop)
        out = self.out_proj(o)  # (49b) o @ W_o.T + b_o
        self.cache = (query, key, value), (q, k, v, w), drop, single, own
        return self._as_given(out, single)

    def backward(self, delta):
        inputs, kept, drop, single, own = self.cache
        q, k, v, w = kept
        delta_o = self.out_proj.backward(self._batch_first(delta, single))  # (7) delta @ W_o
        # (48c) delta_v = join(w @ cut(delta_o))
        # (48d) delta_w = cut(v) @ cut(delta_o).swapaxes(2, 3)
        # (48e) delta_z = w * (delta_w - (w * delta_w).sum(2, keepdims=True))
        # (48f) delta_q = join(delta_z.swapaxes(2, 3) @ cut(k)) / sqrt(E)
        # (48g) delta_k = join(delta_z @ cut(q)) / sqrt(E)
        delta_q, delta_k, delta_v = F.attention_backward(delta_o, q, k, v, w, *drop)
        deltas = (
            delta_q,
            self._shortened(delta_k, inputs[1], self.bias_k),
            self._shortened(delta_v, inputs[2], self.bias_v),
        )
        if self.stacked:
            self.in_proj_weight.accumulate(F.stacked_weight_grad, deltas, inputs)
        else:
            for name, delta, a in zip("qkv", deltas, inputs, strict=True):
                getattr(self, f"{name}_proj_weight").accumulate(F.linear_weight_grad, delta, a)
        if self.in_proj_bias is not None:
            self.in_proj_bias.accumulate(F.stacked_bias_grad, deltas)
        below = [F.linear_input_grad(delta, W) for delta, (W, _) in zip(deltas, self._projections(), strict=True)]
        below = [self._as_given(delta, single) for delta in below]
        return F.add(F.add(below[0], below[1]), below[2]) if own else tuple(below)

    @property
    def attn_weights(self):
        """What each query of the last call looked at, (N, heads, L, S), or (heads, L, S) of a single sequence."""
        _, (*_, w), _, single, _ = self.cache
        w = F.contiguous(F.transposed(w, (0, 1, 3, 2)))
        return w[0] if single else w

    def _lengthened(self, x, bias):
        """k or v (N, S, D) with a vector that is learned, and one of zeros, behind those of the sequence."""
        rows = [] if bias is None else [bias.data]
        rows += [F.zeros((1, 1, self.embed_dim), x)] if self.add_zero_attn else []
        return F.joined([x, *(stretched(row, (len(x), *row.shape[1:])) for row in rows)], 1) if rows else x

    def _shortened(self, delta, given, bias):
        """delta of what was lengthened, without the vectors that were added; the learned one gets its gradient."""
        S = given.shape[1]
        if bias is not None:
            bias.accumulate(summed_to(F.cut(delta, 1, S, S + 1), bias.shape))
        return delta if delta.shape[1] == S else F.cut(delta, 1, 0, S)

    def _projections(self):
        """(W, b) of q, k and v."""
        D = self.embed_dim
        rows = [slice(n * D, (n + 1) * D) for n in range(3)]
        if self.stacked:
            weights = [self.in_proj_weight.data[part] for part in rows]
        else:
            weights = [getattr(self, f"{name}_proj_weight").data for name in "qkv"]
        bias = self.in_proj_bias
        return [(W, None if bias is None else bias.data[part]) for W, part in zip(weights, rows, strict=True)]

    def _masks(self, query, key, attn_mask, key_padding_mask, is_causal):
        """All masks as one that is added to the scores, (M, L, S), or None."""
        (N, L, _), S, dtype, mask = query.shape, key.shape[1], query.dtype, None
        dtype = np.dtype(dtype.type(0).real.dtype)
        if is_causal:
            if L != S:
                raise ShapeError(f"is_causal expects as many keys as queries, got {S} and {L}")
            mask = causal_mask(L, dtype)[None]
        if attn_mask is not None:
            given = additive_mask(attn_mask, dtype, "attn_mask")
            if given.shape not in ((L, S), (N * self.num_heads, L, S)):
                raise ShapeError(f"expects attn_mask ({L}, {S}) or ({N * self.num_heads}, {L}, {S}), got {given.shape}")
            given = given.reshape(-1, L, S)
            mask = given if mask is None else mask + given
        if key_padding_mask is not None:
            given = additive_mask(key_padding_mask, dtype, "key_padding_mask")
            given = given[None] if given.ndim == 1 and N == 1 else given
            if given.shape != (N, S):
                raise ShapeError(f"expects key_padding_mask ({N}, {S}), got {given.shape}")
            if mask is not None and len(mask) > N:
                given = np.repeat(given, self.num_heads, axis=0)
            mask = (0 if mask is None else mask) + np.broadcast_to(given[:, None], (len(given), L, S))
        if mask is not None:  # the added keys are always to be seen
            mask = np.pad(mask, ((0, 0), (0, 0), (0, (self.bias_k is not None) + self.add_zero_attn)))
        return None if mask is None else to_device(np.ascontiguousarray(mask, query.dtype), device_of(query))

    def _batch_first(self, x, single, name=None):
        """(N, L, D) of an input or delta as it was given."""
        if name is not None:
            width = {"query": self.embed_dim, "key": self.kdim, "value": self.vdim}[name]
            axes = (
                f"({name[0].upper()}, {width})" if single else f"{'(N, L' if self.batch_first else '(L, N'}, {width})"
            )
            self.expect(is_array(x) and x.ndim == 3 - single and x.shape[-1] == width, f"{name} {axes}", got=x)
        return x[None] if single else x if self.batch_first else F.swapped(x)

    def _as_given(self, x, single):
        return x[0] if single else x if self.batch_first else F.swapped(x)

    def extra_repr(self):
        return f"{self.embed_dim}, {self.num_heads}, dropout={self.dropout}, batch_first={self.batch_first}"


NAMES = "query", "key", "value"
