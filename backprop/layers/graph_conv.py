"""Graph convolution: each node sums its neighbours' features, through one shared linear map.  Lecture A 82:30."""

import numpy as np

from backprop import functional as F
from backprop.errors import DTypeError, ShapeError
from backprop.layers.linear import Linear
from backprop.module import Module


class GraphConv(Module):
    """z = S a X^T + mu (Kipf and Welling, 2017): V nodes with I features each become V nodes with O features.

        a (..., V, I)   S (V, V), weights from node to node   weight X (O, I)   bias mu (O,) or None   z (..., V, O)

    forward   (36a)  z[v,o]       = mu[o] + sum_{w,i} S[v,w] a[w,i] X[o,i]
    backward  (5)    dL/dX        = delta^T (S a)           a Linear layer with input S a
              (6)    dL/dmu       = sum_v delta[v]
              (36b)  delta_a      = S^T (delta X)           a[w] went into every v with S[v,w] != 0

    S is `normalized_adjacency(edges, V)`; it is an input, `layer(a, S)`, and no gradient of it is returned.

    Raises ShapeError unless a is (..., V, I) for the V of S.
    """

    analytic = True

    def __init__(self, in_features, out_features, bias=True, dtype=np.float32):
        self.linear = Linear(in_features, out_features, bias, dtype)

    def forward(self, a, adjacency):
        square = adjacency.ndim == 2 and adjacency.shape[0] == adjacency.shape[1]
        self.expect(square, "S (V, V), weights from node to node", got=adjacency)
        nodes = len(adjacency)
        wanted = f"(..., {nodes}, {self.linear.in_features}) for {nodes} nodes"
        self.expect(a.ndim >= 2 and a.shape[-2] == nodes, wanted, got=a)
        self.cache = S = adjacency
        return self.linear(F.matmul(S, a))  # (36a) S @ a @ X.T + mu

    def backward(self, delta):
        S = self.cache  # (5), (6) and delta X, which is (7), are Linear's
        return F.matmul(F.swapped(S), self.linear.backward(delta))  # (36b) S.T @ (delta @ X)


def normalized_adjacency(edges, nodes, dtype=np.float32):
    """S = D^-1/2 (A + 1) D^-1/2 (nodes, nodes) of undirected `edges` (E, 2): A[v,w] = 1 where one joins v and w.

    1 is the identity matrix: each node is also its own neighbour. D counts a node's neighbours and itself, so that a
    node with many of them does not dominate.

    >>> normalized_adjacency([(0, 1)], 3)
    array([[0.5, 0.5, 0. ],
           [0.5, 0.5, 0. ],
           [0. , 0. , 1. ]], dtype=float32)
    """
    edges = np.asarray(edges).reshape(-1, 2)
    if edges.size and edges.dtype.kind not in "iu":
        raise DTypeError(f"edges must be pairs of integers, got {edges.dtype}; use edges.astype(np.int64)")
    edges = edges.astype(np.int64)
    if edges.size and not (edges.min() >= 0 and edges.max() < nodes):
        raise ShapeError(f"edges must join nodes in [0, {nodes}), got {edges.min()} to {edges.max()}")
    heard = np.eye(nodes)
    heard[edges[:, 0], edges[:, 1]] = heard[edges[:, 1], edges[:, 0]] = 1
    shrink = 1 / np.sqrt(heard.sum(axis=1))
    return (heard * shrink[:, None] * shrink).astype(dtype)
