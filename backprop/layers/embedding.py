"""Embedding looks up one learned vector for each word, or for anything else given by an index."""

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.module import Module, Parameter
from backprop.module.options import whole
from backprop.module.rng import generator


class Embedding(Module):
    """z = the rows of X at an index: index (...) of integers in [0, V), weight X (V, D), z (..., D).

    forward   (26a)  z[n]     = X[index[n]]
    backward  (26b)  dL/dX[v] = sum of delta[n] over all n with index[n] = v      a row adds up all its uses

    It is a Linear layer without bias on one-hot vectors, but computes no products with 0: onehot(index, V)[n,v] is 1
    where v = index[n], else 0. Integers have no gradient, so backward returns None. The row `padding_idx` starts at 0
    and never learns. The others start normal, with variance 1, as PyTorch's do.

    gradcheck leaves that row out, and requires that it gets no gradient.

    Raises IndexRangeError, naming the first bad one, unless all are integers in [0, V).
    """

    analytic = True  # in the weight
    takes = "np.int64"
    recordable = uses_numpy = True

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, dtype=np.float32):
        whole("num_embeddings", num_embeddings, 1)
        whole("embedding_dim", embedding_dim)
        if padding_idx is not None and whole("padding_idx", padding_idx, -num_embeddings) >= num_embeddings:
            raise OptionError(f"padding_idx must be one of {num_embeddings} rows, got {padding_idx}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx if padding_idx is None else padding_idx % num_embeddings
        rows = generator().standard_normal((num_embeddings, embedding_dim)).astype(dtype)
        if self.padding_idx is not None:
            rows[self.padding_idx] = 0
        self.weight = Parameter(rows)
        self.weight.constant = self.padding_idx

    def forward(self, index):
        self.cache = index
        return F.embedding(index, self.weight)  # (26a) X[index]

    def backward(self, delta):
        index, rows = self.cache, self.num_embeddings
        # (26b) onehot(index, rows).T @ delta
        self.weight.accumulate(F.embedding_weight_grad, delta, index, rows, self.padding_idx)

    def extra_repr(self):
        return f"{self.num_embeddings}, {self.embedding_dim}"
