"""A small instance of every layer and loss, with inputs that keep away from kinks: what gets checked, shown and timed.

Every public layer and loss must have one here; a test checks that.
"""

from typing import NamedTuple

import numpy as np

import backprop as bp
from backprop.models.blocks import BasicBlock, Branches, MeanOverPositions, Patches, Residual, RowByRow, Unrolled


class Example(NamedTuple):
    """`module(*inputs)` runs; `title` says what is special about it."""

    title: str
    module: bp.Module
    inputs: tuple


class Together(bp.Graph):
    """The outputs of a module that returns several, side by side along the last axis."""

    recordable = True

    def __init__(self, module):
        self.module = module

    def build(self, a):
        return np.concatenate(self.module(a), axis=-1)


def examples(seed=0):
    """A new list of Examples, drawn from `seed`, in float32; gradient checks convert them."""
    bp.manual_seed(seed)
    rng = np.random.default_rng(seed)

    def x(*shape):
        """Numbers of size 0.1 to 2, of either sign: at least 0.1 from a kink at 0."""
        return (rng.choice([-1, 1], shape) * rng.uniform(0.1, 2, shape)).astype(np.float32)

    layers = [*_linear(x), *_activations(x), *_images(x), *_normalisations(x), *_sequences(x, rng), *_graphs(x)]
    return [*layers, *_formulas(x), *_losses(x, rng), *_more_losses(x, rng)]


def _linear(x):
    twice = bp.Linear(3, 3)
    perceptron = bp.Sequential(bp.Linear(5, 4), bp.Tanh(), bp.Linear(4, 3))
    return [
        Example("a batch", bp.Linear(5, 3), (x(4, 5),)),
        Example("rank 1", bp.Linear(4, 3, bias=False), (x(4),)),
        Example("rank 4", bp.Linear(3, 2), (x(2, 2, 2, 3),)),
        Example("a batch", bp.Bias(5), (x(4, 5),)),
        Example("an image", bp.Flatten(), (x(2, 3, 2, 2),)),
        Example("an image", bp.Unflatten(1, (3, 2, 2)), (x(2, 12),)),
        Example("a multilayer perceptron", perceptron, (x(3, 5),)),
        Example("one layer twice", bp.Sequential(twice, bp.Sigmoid(), twice), (x(2, 3),)),
    ]


def _activations(x):
    kinked = [bp.ReLU(), bp.LeakyReLU(0.2), bp.PReLU(), bp.ELU(0.7), bp.CELU(0.7), bp.SELU(), bp.Softsign()]
    smooth = [bp.Sigmoid(), bp.Tanh(), bp.GELU(), bp.GELU("tanh"), bp.SiLU(), bp.Mish(), bp.Softplus(2.0)]
    smooth += [bp.Tanhshrink(), bp.LogSigmoid()]
    edged = [bp.Hardshrink(0.05), bp.Softshrink(0.05), bp.Hardtanh(-2.5, 0.05), bp.ReLU6(), bp.Hardsigmoid()]
    return [
        *[Example("a batch", module, (x(3, 4),)) for module in kinked + smooth + edged],
        Example("channels", bp.PReLU(3), (x(2, 3, 2, 2),)),
        Example("a batch", bp.Hardswish(), (2 * x(3, 4),)),
        Example("last axis", bp.Softmax(), (x(3, 4),)),
        Example("channels", bp.Softmax(dim=1), (x(2, 3, 2, 2),)),
        Example("last axis", bp.LogSoftmax(), (x(3, 4),)),
        Example("channels", bp.LogSoftmax(dim=1), (x(2, 3, 2, 2),)),
        Example("training", bp.Dropout(0.4), (x(3, 4),)),
        Example("evaluation", bp.Dropout(0.4).eval(), (x(3, 4),)),
        Example("whole signals", bp.Dropout1d(0.4), (x(3, 4, 2),)),
        Example("whole images", bp.Dropout2d(0.4), (x(3, 4, 2, 2),)),
        Example("whole volumes", bp.Dropout3d(0.4), (x(3, 4, 2, 1, 2),)),
    ]


def _images(x):
    return [
        Example("signals", bp.Conv1d(2, 3, 3, stride=2, padding=1), (x(2, 2, 6),)),
        Example("images", bp.Conv2d(2, 3, 3), (x(2, 2, 4, 5),)),
        Example("stride, padding, dilation", bp.Conv2d(1, 2, (2, 3), (2, 1), (1, 2), (1, 2)), (x(2, 1, 4, 4),)),
        Example("groups", bp.Conv2d(4, 6, 2, groups=2, bias=False), (x(2, 4, 3, 3),)),
        Example("same", bp.Conv2d(1, 2, (2, 3), padding="same"), (x(2, 1, 3, 4),)),
        Example("volumes", bp.Conv3d(1, 2, 2, padding=1), (x(2, 1, 2, 3, 2),)),
        Example("signals", bp.ConvTranspose1d(2, 3, 3, stride=2), (x(2, 2, 3),)),
        Example("images", bp.ConvTranspose2d(2, 4, 3, 2, padding=1, output_padding=1, groups=2), (x(2, 2, 3, 2),)),
        Example("volumes", bp.ConvTranspose3d(1, 2, 2, dilation=2), (x(1, 1, 2, 1, 2),)),
        Example("signals", bp.MaxPool1d(3, stride=2, padding=1), (x(2, 2, 6),)),
        Example("images, overlapping", bp.MaxPool2d(3, stride=1), (x(2, 2, 4, 4),)),
        Example("volumes", bp.MaxPool3d(2, ceil_mode=True), (x(1, 2, 2, 3, 2),)),
        Example("signals", bp.AvgPool1d(2), (x(2, 2, 6),)),
        Example("images, overlapping", bp.AvgPool2d(3, stride=2, padding=1), (x(2, 2, 5, 4),)),
        Example("volumes", bp.AvgPool3d(2), (x(1, 2, 2, 4, 2),)),
        Example("signals", bp.AdaptiveAvgPool1d(3), (x(2, 2, 5),)),
        Example("images", bp.AdaptiveAvgPool2d((2, None)), (x(2, 2, 5, 3),)),
        Example("volumes", bp.AdaptiveAvgPool3d(1), (x(2, 2, 2, 3, 2),)),
        Example("signals", bp.AdaptiveMaxPool1d(3), (x(2, 2, 5),)),
        Example("images", bp.AdaptiveMaxPool2d((2, None)), (x(2, 2, 5, 3),)),
        Example("volumes", bp.AdaptiveMaxPool3d(1), (x(2, 2, 2, 3, 2),)),
        Example("signals", bp.MaxUnpool1d(2), (x(1, 2, 2), np.array([[[0, 3], [1, 2]]]))),
        Example("images", bp.MaxUnpool2d(2), (x(1, 1, 2, 2), np.array([[[[0, 3], [9, 14]]]]))),
        Example("volumes", bp.MaxUnpool3d(2), (x(1, 1, 1, 1, 2), np.array([[[[[4, 14]]]]]))),
        Example("signals", bp.LPPool1d(2, 2), (x(2, 2, 6),)),
        Example("images", bp.LPPool2d(3, 2, stride=1), (abs(x(2, 2, 3, 4)),)),
        Example("volumes", bp.LPPool3d(2, 2), (x(1, 2, 2, 4, 2),)),
        Example("images as columns", bp.Unfold((2, 3), padding=1, stride=2), (x(2, 2, 4, 5),)),
        Example("columns as images", bp.Fold((3, 4), 2, padding=(1, 0)), (x(2, 4, 12),)),
        *[Example("signals", kind(*options), (x(2, 2, 4),)) for kind, options in _paddings(1, (2, 1))],
        *[Example("images", kind(*options), (x(1, 2, 3, 4),)) for kind, options in _paddings(2, (2, 1, 0, 2))],
        *[Example("volumes", kind(*options), (x(1, 1, 2, 3, 2),)) for kind, options in _paddings(3, 1)],
        Example("a small LeNet", _lenet(), (x(2, 1, 8, 8),)),
    ]


def _paddings(axes, padding):
    for name in ("ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad"):
        yield getattr(bp, f"{name}{axes}d"), (padding, 1.5) if name == "ConstantPad" else (padding,)


def _lenet():
    return bp.Sequential(
        bp.Conv2d(1, 2, 3, padding=1), bp.Tanh(), bp.MaxPool2d(2), bp.Conv2d(2, 3, 3), bp.Flatten(), bp.Linear(12, 3)
    )


def _normalisations(x):
    learned = bp.BatchNorm2d(3)
    for statistics in (learned.running_mean, learned.running_var):
        statistics.data[...] = np.abs(x(3))
    return [
        Example("features", bp.BatchNorm1d(4), (x(5, 4),)),
        Example("signals", bp.BatchNorm1d(3), (x(2, 3, 4),)),
        Example("images", bp.BatchNorm2d(3), (x(2, 3, 2, 2),)),
        Example("evaluation", learned.eval(), (x(2, 3, 2, 2),)),
        Example("volumes", bp.BatchNorm3d(2, affine=False), (x(2, 2, 2, 1, 3),)),
        Example("images", bp.SyncBatchNorm(3), (x(2, 3, 2, 2),)),
        Example("two groups", bp.GroupNorm(2, 4), (x(3, 4, 3),)),
        Example("last axis", bp.LayerNorm(5), (x(3, 5),)),
        Example("last two axes", bp.LayerNorm((2, 3)), (x(2, 2, 3),)),
        Example("last axis", bp.RMSNorm(5), (x(3, 5),)),
    ]


def _sequences(x, rng):
    deep = {"num_layers": 2, "bidirectional": True, "batch_first": True}
    path = bp.normalized_adjacency([(0, 1), (1, 2), (2, 3)], 4)
    return [
        Example("words", bp.Embedding(5, 3), (rng.integers(0, 5, (4, 2)),)),
        Example("tanh", bp.RNN(3, 2), (x(4, 2, 3),)),
        Example("ReLU", bp.RNN(3, 2, nonlinearity="relu"), (x(4, 2, 3),)),
        Example("a state given", bp.RNN(3, 2), (x(4, 2, 3), x(1, 2, 2))),
        Example("a batch", bp.GRU(3, 2), (x(4, 2, 3),)),
        Example("two layers, two directions", bp.GRU(2, 2, **deep), (x(2, 3, 2), x(4, 2, 2))),
        Example("a batch", bp.LSTM(3, 2), (x(4, 2, 3),)),
        Example("two layers, two directions", bp.LSTM(2, 2, **deep), (x(2, 3, 2), x(2, 4, 2, 2))),
        Example("dropout between layers", bp.LSTM(2, 3, num_layers=2, dropout=0.4), (x(3, 2, 2),)),
        Example("a step", bp.RNNCell(3, 2), (x(4, 3),)),
        Example("a step, a state given", bp.GRUCell(3, 2), (x(4, 3), x(4, 2))),
        Example("a step, state and cell", Together(bp.LSTMCell(3, 2)), (x(4, 3),)),
        Example("four nodes in a row", bp.GraphConv(3, 2), (x(2, 4, 3), path)),
        Example("self-attention", bp.MultiheadAttention(4, 2), (x(3, 2, 4),)),
        Example(
            "other keys and values", bp.MultiheadAttention(4, 2, kdim=3, vdim=2), (x(3, 2, 4), x(4, 2, 3), x(4, 2, 2))
        ),
        Example("keys and values added", bp.MultiheadAttention(4, 2, 0.0, True, True, True), (x(3, 2, 4),)),
        Example("weights dropped", bp.MultiheadAttention(4, 2, dropout=0.3, batch_first=True), (x(2, 3, 4),)),
        Example("a transformer's layer", bp.TransformerEncoderLayer(4, 2, 5, 0.2, "gelu"), (x(3, 2, 4),)),
        Example("two of them", bp.TransformerEncoder(_encoder_layer(), 2, bp.LayerNorm(4)), (x(2, 3, 4),)),
    ]


def _encoder_layer():
    return bp.TransformerEncoderLayer(4, 2, 3, 0.0, "gelu", batch_first=True, norm_first=True)


def _formulas(x):
    return [
        Example("halves of the last axis", bp.GLU(), (x(3, 4),)),
        Example("last axis", bp.Softmin(), (x(3, 4),)),
        Example("channels", bp.Softmax2d(), (x(2, 3, 2, 2),)),
        Example("a batch", bp.Threshold(0.05, -1.0), (x(3, 4),)),
        Example("drawn slopes", bp.RReLU(), (x(3, 4),)),
        Example("three channels", bp.LocalResponseNorm(3, alpha=0.5), (x(2, 4, 3),)),
        Example("rows", bp.CosineSimilarity(), (x(3, 4), x(3, 4))),
        Example("rows", bp.PairwiseDistance(), (x(3, 4), x(3, 4))),
        Example("a batch", bp.Bilinear(2, 3, 2), (x(4, 2), x(4, 3))),
        Example("an image", bp.Identity(), (x(2, 1, 2, 2),)),
        Example("an image", bp.PixelShuffle(2), (x(1, 4, 2, 3),)),
        Example("an image", bp.PixelUnshuffle(2), (x(1, 1, 4, 2),)),
        Example("two groups", bp.ChannelShuffle(2), (x(1, 4, 3),)),
        Example("an image", bp.Upsample(scale_factor=2), (x(1, 2, 2, 3),)),
        Example("signals", bp.InstanceNorm1d(2, affine=True), (x(2, 2, 4),)),
        Example("images", bp.InstanceNorm2d(2), (x(2, 2, 2, 3),)),
        Example("volumes", bp.InstanceNorm3d(2), (x(1, 2, 2, 2, 2),)),
        Example(
            "running statistics", bp.InstanceNorm1d(2, affine=True, track_running_stats=True).eval(), (x(2, 2, 4),)
        ),
    ]


def _graphs(x):
    body = bp.Sequential(bp.Linear(3, 4), bp.Tanh(), bp.Linear(4, 3))
    branches = bp.Conv2d(2, 1, 3, padding=1), bp.Conv2d(2, 2, 1), bp.Sigmoid()
    return [
        Example("a residual block", Residual(body), (x(2, 3),)),
        Example("a block around a block", Residual(Residual(bp.Linear(3, 3))), (x(2, 3),)),
        Example("smaller images", BasicBlock(2, 3, stride=2), (x(2, 2, 4, 4),)),
        Example("images of one size", BasicBlock(2, 2), (x(2, 2, 3, 3),)),
        Example("squares of an image", Patches((1, 4, 4), 2, 3), (x(2, 1, 4, 4),)),
        Example("positions", MeanOverPositions(), (x(2, 3, 4),)),
        Example("three branches", Branches(*branches), (x(2, 2, 3, 3),)),
        Example("one cell in every step", Unrolled(3, 2), (x(4, 2, 3),)),
        Example("rows of an image", RowByRow(Unrolled(3, 2)), (x(2, 1, 4, 3),)),
    ]


def _losses(x, rng):
    def labels(*shape, classes=4):
        return rng.integers(0, classes, shape)

    def probabilities(*shape):
        return rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)

    def logs(*shape):
        return np.log(probabilities(*shape) + np.float32(0.01))

    def between(*shape):
        return rng.uniform(0.1, 0.9, shape).astype(np.float32)

    target, weight = x(3, 4), between(4)
    some = {"weight": weight, "ignore_index": 2}
    return [
        Example("mean", bp.MSELoss(), (x(3, 4), x(3, 4))),
        Example("none", bp.MSELoss(reduction="none"), (x(3, 4), x(3, 4))),
        Example("sum", bp.L1Loss(reduction="sum"), (target + x(3, 4), target)),
        Example("mean", bp.HuberLoss(delta=0.05), (target + x(3, 4), target)),
        Example("mean", bp.SmoothL1Loss(beta=0.05), (target + x(3, 4), target)),
        Example("labels", bp.CrossEntropyLoss(num_classes=4), (x(5, 4), labels(5))),
        Example("none", bp.CrossEntropyLoss(reduction="none"), (x(5, 4), labels(5))),
        Example("an image of labels", bp.CrossEntropyLoss(reduction="sum"), (x(2, 4, 2, 3), labels(2, 2, 3))),
        Example("probabilities", bp.CrossEntropyLoss(), (x(5, 4), probabilities(5, 4))),
        Example("weights, smoothing", bp.CrossEntropyLoss(**some, label_smoothing=0.1), (x(7, 4), labels(7))),
        Example("labels", bp.NLLLoss(), (x(5, 4), labels(5))),
        Example("weights", bp.NLLLoss(**some), (x(7, 4), labels(7))),
        Example("mean", bp.BCELoss(), (between(3, 4), between(3, 4))),
        Example("weights", bp.BCELoss(weight=weight, reduction="none"), (between(3, 4), between(3, 4))),
        Example("mean", bp.BCEWithLogitsLoss(), (x(3, 4), between(3, 4))),
        Example("weights", bp.BCEWithLogitsLoss(weight=weight, pos_weight=2 * weight), (x(3, 4), between(3, 4))),
        Example("batchmean", bp.KLDivLoss(reduction="batchmean"), (logs(3, 4), probabilities(3, 4))),
        Example("log targets", bp.KLDivLoss(log_target=True), (logs(3, 4), logs(3, 4))),
    ]


def _more_losses(x, rng):
    def signs(*shape):
        return rng.choice([-1.0, 1.0], shape).astype(np.float32)

    scores, counts = x(3, 4), rng.poisson(2, (3, 4)).astype(np.float32)
    classes, lists = rng.integers(0, 4, 3), np.array([[3, 0, -1, 1], [-1, 0, 1, 2], [2, 1, 0, -1]])
    variances = rng.uniform(0.5, 2, (3, 4)).astype(np.float32)
    return [
        Example("mean", bp.SoftMarginLoss(), (scores, signs(3, 4))),
        Example("mean", bp.HingeEmbeddingLoss(margin=3.0), (scores, signs(3, 4))),
        Example("mean", bp.MarginRankingLoss(margin=5.0), (x(4), x(4), signs(4))),
        Example("mean", bp.CosineEmbeddingLoss(margin=-1.0), (x(3, 4), x(3, 4), signs(3))),
        Example("mean", bp.TripletMarginLoss(margin=9.0), (x(3, 4), x(3, 4), x(3, 4))),
        Example("labels", bp.MultiMarginLoss(margin=9.0), (scores, classes)),
        Example("lists of labels", bp.MultiLabelMarginLoss(), (scores / 9, lists)),
        Example("mean", bp.MultiLabelSoftMarginLoss(), (scores, (signs(3, 4) + 1) / 2)),
        Example("counts", bp.PoissonNLLLoss(full=True), (scores, counts)),
        Example("variances given", bp.GaussianNLLLoss(), (scores, x(3, 4), variances)),
        Example(
            "sequences", bp.CTCLoss(), (x(5, 2, 4), np.array([[1, 1], [3, 0]]), np.array([5, 4]), np.array([2, 1]))
        ),
    ]
