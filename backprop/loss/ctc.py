"""The loss of labels whose places in time are not known: the probability of all ways to spread them over the steps.

Two steps, the label 1 and the blank 0, each with probability 1/2 at each step, by hand: of the four paths 11, 10 and 01
spell 1, and 00 does not.

>>> import numpy as np, backprop as bp
>>> loss, halves = bp.CTCLoss(), np.log(np.full((2, 1, 2), 0.5))
>>> L = loss(halves, np.array([[1]]), [2], [1])           # -log(3/4)
>>> print(f"{L:.4f}")
0.2877
>>> loss.backward()[:, 0].round(4)                        # at each step a label in two of the three, a blank in one
array([[-0.3333, -0.6667],
       [-0.3333, -0.6667]])
"""

import numpy as np

from backprop.errors import LabelError, ShapeError
from backprop.graph.formulas import expect_on_cpu
from backprop.kernels.device import to_host
from backprop.loss.base import Loss
from backprop.module.options import whole


class CTCLoss(Loss):
    """Connectionist temporal classification (Graves and others, 2006).

        a (T, N, C) log-probabilities of C classes, or (T, C) of one sequence   labels (N, S), or all in a row
        input_lengths (N,): steps of each sequence                              target_lengths (N,): labels of each

    A path chooses a class at each step. It spells what is left without repetitions, then without blanks: with l the
    labels and blanks around them, 2 S + 1 in all, a path stays at l[s], goes to the next, or skips a blank between two
    different labels. alpha[t,s] is the probability of all paths that are at l[s] in step t, up to there, and
    beta[t,s] that of the rest of the way; both are kept as logarithms.

    forward   alpha[t,s] = (alpha[t-1,s] + alpha[t-1,s-1] + alpha[t-1,s-2] where l[s-1] may be skipped) e^a[t,l[s]]
              L          = -log(alpha[T-1,2S] + alpha[T-1,2S-1])
    backward  beta[t,s]  = the same, from the last step
              delta[t,c] = -sum of alpha[t,s] beta[t,s] e^L over the s whose l[s] is c

    "mean" divides the loss of a sequence by the number of its labels, then takes the mean over sequences. If the steps
    are too few for the labels, L is infinite; `zero_infinity` makes such losses and deltas 0. delta is the derivative
    by `a`; PyTorch's is that by what a LogSoftmax before it gets: behind one, they agree.
    """

    def __init__(self, *, blank=0, reduction="mean", zero_infinity=False):
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = whole("blank", blank), zero_infinity

    def forward(self, a, labels, input_lengths, target_lengths):
        expect_on_cpu([a])
        single = a.ndim == 2
        self.expect(a.ndim in (2, 3) and a.shape[0] and self.blank < a.shape[-1], "(T, N, C), or (T, C)", got=a)
        logs = (a[:, None] if single else a).astype(np.complex128 if a.dtype.kind == "c" else np.float64)
        steps, counts = (self._lengths(given, logs.shape[1]) for given in (input_lengths, target_lengths))
        if not (steps.min(initial=1) >= 1 and steps.max(initial=1) <= len(a) and counts.min(initial=0) >= 0):
            raise ShapeError(
                f"expects input_lengths from 1 to {len(a)} and target_lengths from 0, got {steps}, {counts}"
            )
        l, skips = self._spelled(np.asarray(to_host(labels)), counts, single, logs.shape[2])
        seen = np.take_along_axis(logs, np.broadcast_to(l, (len(logs), *l.shape)), 2)  # (T, N, 2S+1): log e^a[t,l[s]]
        alpha = _walk(seen, skips)
        n, last = np.arange(len(l)), 2 * counts
        end = alpha[steps - 1, n]
        before = np.where(counts > 0, end[n, np.maximum(last - 1, 0)], -np.inf)
        each = -_log_sum(end[n, last], before)
        self.cache = a, seen, l, skips, alpha, each, steps, counts, single
        losses = np.where(np.isinf(each), 0, each) if self.zero_infinity else each
        if self.reduction == "none":
            return losses.astype(a.dtype)[0] if single else losses.astype(a.dtype)
        return (losses.sum() if self.reduction == "sum" else (losses / np.maximum(counts, 1)).mean()).item()

    def backward(self, delta=1):
        a, seen, l, skips, alpha, each, steps, counts, single = self.cache
        t, n = np.arange(len(seen))[:, None], np.arange(len(l))
        beta = _walk_back(seen, skips, steps, counts)
        with np.errstate(invalid="ignore"):
            share = np.exp(alpha + beta + each[:, None])
        share = np.where((t < steps)[..., None], share, 0)
        if self.zero_infinity:
            share = np.where(np.isinf(each)[:, None], 0, share)
        found = np.zeros((*seen.shape[:2], a.shape[-1]))
        np.add.at(found, (t[..., None], n[:, None], l), -share)
        per_sequence = self.scale(1, len(l)) / np.maximum(counts, 1) if self.reduction == "mean" else np.ones(len(l))
        found *= (delta * per_sequence)[:, None]
        return (found[:, 0] if single else found).astype(a.dtype)

    def _lengths(self, given, count):
        found = np.asarray(to_host(given)).reshape(-1)
        if found.shape != (count,) or found.dtype.kind not in "iu":
            raise ShapeError(f"expects {count} whole numbers as lengths, got {given!r}")
        return found.astype(np.int64)

    def _spelled(self, labels, counts, single, classes):
        """l (N, 2S+1), blanks around the labels, and where the way to l[s] may skip l[s-1]."""
        N, most = len(counts), max(counts.max(initial=0), 0)
        if labels.ndim == 1:
            if len(labels) < counts.sum() or (not single and len(labels) != counts.sum()):
                raise ShapeError(f"expects {counts.sum()} labels in a row, got {len(labels)}")
            rows = np.split(labels[: counts.sum()], np.cumsum(counts)[:-1]) if N else []
        elif labels.ndim == 2 and len(labels) == N and labels.shape[1] >= most:
            rows = [row[:count] for row, count in zip(labels, counts, strict=True)]
        else:
            raise ShapeError(f"expects labels ({N}, S), S at least {most}, or all in a row, got {labels.shape}")
        l = np.full((N, 2 * most + 1), self.blank)
        for n, row in enumerate(rows):
            if row.dtype.kind not in "iu" or ((row < 0) | (row >= classes) | (row == self.blank)).any():
                raise LabelError(f"expects labels in [0, {classes}) other than the blank {self.blank}, got {row}")
            l[n, 1 : 2 * len(row) : 2] = row
        skips = np.zeros(l.shape, bool)
        skips[:, 2:] = (l[:, 2:] != self.blank) & (l[:, 2:] != l[:, :-2])
        return l, skips

    def extra_repr(self):
        return f"blank={self.blank}, reduction={self.reduction!r}, zero_infinity={self.zero_infinity}"


def _log_sum(a, b):
    """log(e^a + e^b), the larger taken out so that nothing overflows; -inf where both are"""
    most = np.maximum(a.real, b.real)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isinf(most), most, most + np.log(np.exp(a - most) + np.exp(b - most)))


def _walk(seen, skips):
    """log alpha (T, N, 2S+1)"""
    alpha = np.full(seen.shape, -np.inf, seen.dtype)
    alpha[0, :, :2] = seen[0, :, :2]
    for t in range(1, len(seen)):
        old, new = alpha[t - 1], alpha[t - 1].copy()
        new[:, 1:] = _log_sum(new[:, 1:], old[:, :-1])
        new[:, 2:] = np.where(skips[:, 2:], _log_sum(new[:, 2:], old[:, :-2]), new[:, 2:])
        alpha[t] = new + seen[t]
    return alpha


def _walk_back(seen, skips, steps, counts):
    """log beta (T, N, 2S+1): a sequence starts at its own last step, at its last blank or its last label"""
    beta, n = np.full(seen.shape, -np.inf), np.arange(len(steps))
    last = np.full(seen.shape[1:], -np.inf)
    last[n, 2 * counts] = 0
    last[n, np.maximum(2 * counts - 1, 0)] = 0
    for t in range(len(seen) - 1, -1, -1):
        if t + 1 < len(seen):
            old = beta[t + 1] + seen[t + 1]
            new = old.copy()
            new[:, :-1] = _log_sum(new[:, :-1], old[:, 1:])
            new[:, :-2] = np.where(skips[:, 2:], _log_sum(new[:, :-2], old[:, 2:]), new[:, :-2])
            beta[t] = new
        beta[t] = np.where((steps == t + 1)[:, None], last, beta[t])
    return beta
