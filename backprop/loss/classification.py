"""Losses of scores against classes: how little of the probability went to the right one.

Three scores, the first of them the label's, by hand: e^2, e^1, e^0 = 7.39, 2.72, 1 sum to 11.11, so

>>> import numpy as np, backprop as bp
>>> z, y = np.array([[2., 1, 0]]), np.array([0])
>>> bp.functional.softmax(z, 1).round(4)          # 7.39/11.11, 2.72/11.11, 1/11.11
array([[0.6652, 0.2447, 0.09  ]])
>>> loss = bp.CrossEntropyLoss()
>>> round(loss(z, y), 4)                          # (9a) -log 0.6652
0.4076
>>> loss.backward().round(4)                      # (9b) 0.6652 - 1, and the others' shares as they are: they sum to 0
array([[-0.3348,  0.2447,  0.09  ]])
"""

import numpy as np

from backprop import functional as F
from backprop.functional.targets import IGNORE, class_axis, kept_targets
from backprop.kernels.device import is_array
from backprop.loss.base import Loss, kept_weight
from backprop.module.options import probability, whole


class Classification(Loss):
    """The part that both share: weights of the classes, and a label that does not count."""

    def __init__(self, *, weight=None, ignore_index=IGNORE, reduction="mean"):
        super().__init__(reduction=reduction)
        self.weight = kept_weight(weight)
        self.ignore_index = whole("ignore_index", ignore_index, -(1 << 63))

    def terms(self):
        return self.cache[2]

    def count_correct(self, scores, y):
        return F.count_correct(scores, y, self.ignore_index)


class CrossEntropyLoss(Classification):
    """Cross-entropy of scores z (N, C, ...) or (C,); y are labels (N, ...) in [0, C), or probabilities of z's shape.
    Lecture A 49:06, 61:06.

    forward   (40)  t       = (1 - eps) onehot(y) + eps / C         eps > 0: no score need grow without limit
              (9a)  L       = -1/E sum_{n,c} t[n,c] log softmax(z)[n,c]    n: samples, or positions of images
    backward  (9b)  delta_z = delta * (softmax(z) - t) / E          the label's share rises, the others fall

    onehot(y, C)[n,c] is 1 where c = y_n, else 0. eps is `label_smoothing`; without it t is onehot(y), and L is
    -1/E sum_n log softmax(z_n)[y_n]. E is what the mean divides by, the number of labels that count; those equal to
    `ignore_index` do not. With `weight` w (C,) t becomes w * t, the softmax(z) of (9b) is multiplied by the sum over c
    of t, 1 without, and E is the sum of the labels' weights. With probabilities q instead of labels, onehot(y) becomes
    q, and E counts them all. `num_classes`, if given, rejects scores for any other number of classes, on which PyTorch
    would train without a word (72:39).

    Raises ShapeError for another number of classes or labels, LabelError for bad targets.
    """

    def __init__(self, *, weight=None, ignore_index=IGNORE, reduction="mean", label_smoothing=0.0, num_classes=None):
        super().__init__(weight=weight, ignore_index=ignore_index, reduction=reduction)
        probability("label_smoothing", label_smoothing)
        self.label_smoothing, self.num_classes = float(label_smoothing), num_classes

    def forward(self, z, y):
        axis = class_axis(z)
        classes, wanted = z.shape[axis], self.num_classes
        cure = f"make the last layer output {wanted}, as Linear(..., {wanted}) does"
        self.expect(wanted in (None, classes), f"scores for {wanted} classes", got=z, cure=cure)
        log_s, eps = F.log_softmax(z, axis), self.label_smoothing
        y = kept_targets(log_s, y, self.ignore_index)
        losses = F.nll(log_s, y, self.weight, self.ignore_index, eps)
        E = F.terms(log_s, y, self.weight, self.ignore_index)
        self.cache = log_s, y, E
        # (40) t = (1 - eps) * onehot(y, C) + eps / C  (9a) -(t * log_s).sum() / E
        return F.reduce(losses, self.reduction, E)

    def backward(self, delta=1):
        (log_s, y, E), eps = self.cache, self.label_smoothing
        # (40) t = (1 - eps) * onehot(y, C) + eps / C  (9b) delta * (exp(log_s) - t) / E
        return F.cross_entropy_backward(log_s, y, self.scale(delta, E), self.weight, self.ignore_index, eps)

    def extra_repr(self):
        return f"reduction={self.reduction!r}, num_classes={self.num_classes}"


class NLLLoss(Classification):
    """Negative log-likelihood of log-probabilities a (N, C, ...) or (C,), as LogSoftmax gives them; y are labels.

    forward   (23a)  L       = -1/E sum_n a[n, y_n]
    backward  (23b)  delta_a = -delta * onehot(y) / E               0 for all classes but the label's

    CrossEntropyLoss is LogSoftmax and this one: (23b) sent through (4l) gives (9b). `weight` and `ignore_index` are the
    same.

    Raises ShapeError for another number of labels, LabelError for bad ones.
    """

    def forward(self, a, y):
        y = y if is_array(y) else np.asarray(y)
        self.expect(y.dtype.kind in "iu", "labels, not probabilities", got=y)
        y = kept_targets(a, y, self.ignore_index)
        losses = F.nll(a, y, self.weight, self.ignore_index)
        E = F.terms(a, y, self.weight, self.ignore_index)
        self.cache = a, y, E
        return F.reduce(losses, self.reduction, E)  # (23a) -(onehot(y, C) * a).sum() / E

    def backward(self, delta=1):
        a, y, E = self.cache
        # (23b) -delta * onehot(y, C) / E
        return F.nll_backward(a, y, self.scale(delta, E), self.weight, self.ignore_index)
