"""Normalising, gamma and beta, and their adjoints.                                                 (29) (30) (32)

u is (B, C, D), and all entries of one channel c belong together. The same memory, seen as (B', G, E), is what gamma and
beta (G,) belong to: index g has one of each. In batch normalisation both views are the same; a layer normalisation's
rows (R, F) are (1, R, F) and (R, F, 1).
"""

from backprop.kernels.reference.sums import put, wide


def normalize(u, mean, spread, gamma, beta, out):
    """out = gamma[g] (u - mean[c]) / spread[c] + beta[g]                          (29a) (32a), then (30a)"""
    xhat = (u - mean[:, None]) / spread[:, None]
    out[...] = gamma[:, None] * xhat.reshape(out.shape) + beta[:, None]


def normalize_backward(delta, u, mean, spread, gamma, centred, out):
    """out = (g - mean(g) - xhat mean(g xhat)) / spread, where g = gamma delta; delta (B', G, E), the others (B, C, D)

    (30d), then (29b), since moving one entry moves the mean and the variance of all; (32b): not `centred`, without
    mean(g).
    """
    xhat, g = (u - mean[:, None]) / spread[:, None], wide(gamma[:, None] * delta).reshape(u.shape)
    shift = g.mean(axis=(0, 2), keepdims=True) if centred else 0
    along = (g * xhat).mean(axis=(0, 2), keepdims=True)
    out[...] = (g - shift - xhat * along) / spread[:, None]


def dot_normalized(delta, u, mean, spread, out, accumulate):
    """out[g] = the sum of delta xhat over all entries of g; delta (B', G, E), u (B, C, D)                  (30c)"""
    xhat = (u - mean[:, None]) / spread[:, None]
    put((wide(delta) * xhat.reshape(delta.shape)).sum(axis=(0, 2)), out, accumulate)
