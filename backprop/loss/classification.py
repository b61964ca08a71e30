"""Losses of scores against classes: how little of the probability went to the right one."""

import numpy as np

from backprop import functional as F
from backprop.functional.targets import IGNORE, class_axis
from backprop.kernels.device import is_array
from backprop.loss.base import Loss
from backprop.options import probability, whole
from backprop.parameter import Buffer


class Classification(Loss):
    """The part that both share: weights of the classes, and a label that does not count."""

    def __init__(self, *, weight=None, ignore_index=IGNORE, reduction="mean"):
        super().__init__(reduction=reduction)
        self.weight = None if weight is None else Buffer(np.asarray(weight, dtype=getattr(weight, "dtype", np.float32)))
        self.ignore_index = whole("ignore_index", ignore_index, -(1 << 63))

    def terms(self):
        return self.cache[2]

    def count_correct(self, scores, y):
        return F.count_correct(scores, y, self.ignore_index)


class CrossEntropyLoss(Classification):
    """Cross-entropy of scores z (N, C, ...) or (C,); y are labels (N, ...) in [0, C), or probabilities of z's shape.
    Lecture A 49:06, 61:06.

    forward   (9)   L       = -1/E sum_n log softmax(z_n)[y_n]      n runs over E = N samples, or positions of images
    backward  (9)   delta_z = delta * (softmax(z) - onehot(y)) / E   raise the label's share, lower the others
              (40)  smoothing takes t = (1 - eps) onehot(y) + eps / C for onehot(y): no score need grow without end

    With probabilities q instead of labels, onehot(y) becomes q. `weight` (C,) multiplies each class's part, and a mean
    over labels then divides by the sum of the weights used, not by E. Labels equal to `ignore_index` do not count.
    `num_classes`, where it is given, refuses scores for any other number of classes, which PyTorch would train on
    without a word (72:39).

    Raises ShapeError for another number of classes or labels, LabelError for bad targets.
    """

    def __init__(self, *, weight=None, ignore_index=IGNORE, reduction="mean", label_smoothing=0.0, num_classes=None):
        super().__init__(weight=weight, ignore_index=ignore_index, reduction=reduction)
        probability("label_smoothing", label_smoothing)
        self.label_smoothing, self.num_classes = float(label_smoothing), num_classes

    def forward(self, z, y):
        axis = class_axis(z)
        classes, wanted = z.shape[axis], self.num_classes
        cure = f"let the last layer put out {wanted}, as Linear(..., {wanted}) does"
        self.expect(wanted in (None, classes), f"scores for {wanted} classes", got=z, cure=cure)
        log_s = F.log_softmax(z, axis)
        losses = F.nll(log_s, y, self.weight, self.ignore_index, self.label_smoothing)
        terms = F.terms(log_s, y, self.weight, self.ignore_index)
        self.cache = log_s, y, terms
        return F.reduce(losses, self.reduction, terms)  # (9)

    def backward(self, delta=1):
        log_s, y, terms = self.cache
        options = self.weight, self.ignore_index, self.label_smoothing
        return F.cross_entropy_backward(log_s, y, self.scale(delta, terms), *options)  # (9) (40)

    def extra_repr(self):
        return f"reduction={self.reduction!r}, num_classes={self.num_classes}"


class NLLLoss(Classification):
    """Negative log-likelihood of log-probabilities a (N, C, ...) or (C,), as LogSoftmax gives them; y are labels.

    forward   (23)  L             = -1/E sum_n a[n, y_n]
    backward  (23)  delta_a[n, y_n] = -delta / E, 0 for the other classes

    CrossEntropyLoss is LogSoftmax and this one: (23) sent through (4l) gives (9). `weight` and `ignore_index` are as
    there.

    Raises ShapeError for another number of labels, LabelError for bad ones.
    """

    def forward(self, a, y):
        y = y if is_array(y) else np.asarray(y)
        self.expect(y.dtype.kind in "iu", "labels, not probabilities", got=y)
        losses = F.nll(a, y, self.weight, self.ignore_index)
        terms = F.terms(a, y, self.weight, self.ignore_index)
        self.cache = a, y, terms
        return F.reduce(losses, self.reduction, terms)  # (23)

    def backward(self, delta=1):
        a, y, terms = self.cache
        return F.nll_backward(a, y, self.scale(delta, terms), self.weight, self.ignore_index)  # (23)
