"""Random networks with all that trains them: one generator, for every test that asks what holds for any network.

    case = Case(seed)               what it draws follows from the seed alone
    run = case.make()               a new Run: network, loss, optimizer, schedule, loader, the same ones every time

Networks are nested chains of layers over words, vectors, signals and images, with residual blocks, branches, layers
that occur twice, recurrent readers, attention, dropout and normalisation; some parameters are frozen. A test that needs
less says so: Case(seed, dropout=False).
"""

from typing import NamedTuple

import numpy as np

import backprop as bp
from backprop.models.blocks import Branches, Residual

SAMPLES, BATCH, CLASSES, WORDS = 14, 4, 3, 9


class Shared(bp.Graph):
    """One layer at two places, and a value that is used twice."""

    recordable = True

    def __init__(self, layer):
        self.parts = {"layer": layer}

    def build(self, a):
        layer = self.parts["layer"]
        return layer(np.tanh(layer(a))) * 0.5 + a


class Reader(bp.Graph):
    """The last state of a recurrent layer over signals (N, T, I)."""

    recordable = True

    def __init__(self, layer):
        self.layer = layer

    def build(self, x):
        return self.layer(x)[:, -1]


class Cells(bp.Graph):
    """The last state of a cell that is called step by step over signals (N, T, I)."""

    recordable = True

    def __init__(self, cell):
        self.cell = cell

    def build(self, x):
        kept = self.cell(x[:, 0])
        for t in range(1, x.shape[1]):
            kept = self.cell(x[:, t], kept)
        return kept[0] * kept[1] if isinstance(kept, tuple) else kept


class Run(NamedTuple):
    net: bp.Module
    loss: bp.Loss
    optimizer: bp.Optimizer
    schedule: object
    loader: bp.DataLoader


class Case:
    """What a seed stands for. `dtype` is that of data and parameters."""

    def __init__(self, seed, dtype=np.float32, dropout=True):
        self.seed, self.dtype, self.dropout = seed, dtype, dropout

    def make(self, epochs=2):
        self.rng = np.random.default_rng(self.seed)
        bp.manual_seed(self.seed)
        shape = [(6,), (2, 6), (2, 6, 6)][self.rng.integers(3)]
        words = len(shape) == 2 and bool(self.rng.integers(3) == 0)
        layers, shape = self.layers(shape, self.rng.integers(1, 6))
        if words:
            layers = [bp.Embedding(WORDS, self.shape[1]), *layers]
        if len(shape) > 1:
            layers, shape = [*layers, bp.Flatten()], (int(np.prod(shape)),)
        last, loss, y = self.head(shape[0])
        net = bp.Sequential(*layers, *last).to(self.dtype)
        if words:
            x = self.rng.integers(0, WORDS, (SAMPLES, self.shape[0]))
        else:
            x = self.rng.standard_normal((SAMPLES, *self.shape)).astype(self.dtype)
        self.freeze(net)
        optimizer, schedule = self.optimizer(net, epochs * -(-SAMPLES // BATCH))
        dtype = x.dtype
        loader = bp.DataLoader(x, y, BATCH, shuffle=bool(self.rng.integers(2)), seed=self.seed, dtype=dtype)
        return Run(net, loss.to(self.dtype), optimizer, schedule, loader)

    def choose(self, *things):
        return things[self.rng.integers(len(things))]

    def layers(self, shape, count, nested=False):
        """(layers, the shape of a sample behind them)"""
        if not nested:
            self.shape = shape
        found = []
        for _ in range(count):
            kinds = {1: self.of_vectors, 2: self.of_signals, 3: self.of_images}[len(shape)]
            layer, shape = self.choose(*kinds(shape, nested))()
            found.append(layer)
        return found, shape

    def activation(self):
        kinds = bp.ReLU, bp.Tanh, bp.Sigmoid, bp.LeakyReLU, bp.GELU, bp.SiLU, bp.ELU, bp.Softplus, bp.Hardtanh, bp.PReLU
        return self.choose(*kinds)()

    def anywhere(self, shape):
        """Layers that take any shape and leave it."""
        yield lambda: (self.activation(), shape)
        yield lambda: (bp.Softmax(dim=-1), shape)
        yield lambda: (bp.LayerNorm(shape[-1]), shape)
        yield lambda: (bp.RMSNorm(shape[-1]), shape)
        if self.dropout:
            yield lambda: (bp.Dropout(0.3), shape)

    def of_vectors(self, shape, nested):
        (width,) = shape
        out = int(self.rng.integers(3, 7))
        yield from self.anywhere(shape)
        yield lambda: (bp.Linear(width, out, bias=bool(out % 2)), (out,))
        yield lambda: (bp.BatchNorm1d(width), shape)
        yield lambda: (Shared(bp.Linear(width, width)), shape)
        if width >= 4 and width % 2 == 0:
            yield lambda: (bp.GLU(), (width // 2,))
        if not nested:
            yield lambda: (Residual(bp.Sequential(*self.same_width(width))), shape)
            yield lambda: (Branches(bp.Linear(width, 2), self.activation()), (width + 2,))
            yield lambda: (bp.Unflatten(1, (1, width)), (1, width))

    def same_width(self, width):
        layers, (out,) = self.layers((width,), 2, nested=True)
        return [*layers, bp.Linear(out, width)]

    def of_signals(self, shape, nested):
        channels, length = shape
        reader = self.choose(bp.RNN, bp.GRU, bp.LSTM)
        yield from self.anywhere(shape)
        yield lambda: (bp.Conv1d(channels, 2, 3, padding=1), (2, length))
        yield lambda: (bp.BatchNorm1d(channels), shape)
        yield lambda: (bp.AvgPool1d(3, 1, 1), shape)
        yield lambda: (bp.MaxPool1d(3, 2, 1), (channels, (length + 1) // 2))
        yield lambda: (bp.Conv1d(channels, 3, 3, stride=2, padding=1, bias=False), (3, (length + 1) // 2))
        yield lambda: (bp.ReflectionPad1d((1, 0)) if length < 9 else bp.ReLU(), (channels, length + (length < 9)))
        yield lambda: (Reader(reader(length, 4, batch_first=True)), (4,))
        cell, heads = self.choose(bp.RNNCell, bp.GRUCell, bp.LSTMCell), 3 if length % 3 == 0 else 1
        yield lambda: (Cells(cell(length, 4)), (4,))
        yield lambda: (bp.MultiheadAttention(length, heads, 0.2 * self.dropout, batch_first=True), shape)
        options = {"dropout": 0.2 * self.dropout, "batch_first": True, "norm_first": bool(heads == 3)}
        yield lambda: (bp.TransformerEncoderLayer(length, heads, 5, activation="gelu", **options), shape)
        yield lambda: (bp.Flatten(), (channels * length,))

    def of_images(self, shape, nested):
        channels, height, width = shape
        yield from self.anywhere(shape)
        yield lambda: (bp.Conv2d(channels, 4, 3, padding=1), (4, height, width))
        yield lambda: (bp.Conv2d(channels, 3, 3, stride=2, padding=1), (3, (height + 1) // 2, (width + 1) // 2))
        yield lambda: (bp.Conv2d(channels, channels, 3, padding=1, groups=channels), shape)
        yield lambda: (bp.Conv2d(channels, 4, 1, bias=False), (4, height, width))
        yield lambda: (bp.ConvTranspose2d(channels, 2, 3, padding=1), (2, height, width))
        if height < 9:
            pad = self.choose(bp.ZeroPad2d, bp.ReplicationPad2d, bp.CircularPad2d)
            yield lambda: (pad(1), (channels, height + 2, width + 2))
        yield lambda: (bp.AvgPool2d(3, 1, 1), shape)
        yield lambda: (bp.BatchNorm2d(channels), shape)
        yield lambda: (bp.GroupNorm(1, channels), shape)
        yield lambda: (bp.MaxPool2d(3, 1, 1), shape)
        yield lambda: (bp.AdaptiveAvgPool2d(4), (channels, 4, 4))
        yield lambda: (bp.AdaptiveMaxPool2d(3), (channels, 3, 3))
        yield lambda: (bp.InstanceNorm2d(channels, affine=True), shape)
        yield lambda: (bp.LocalResponseNorm(2, alpha=0.5), shape)
        yield lambda: (bp.Unfold(2, stride=2), (4 * channels, (height // 2) * (width // 2)))
        yield lambda: (Branches(bp.Conv2d(channels, 2, 1), bp.MaxPool2d(3, 1, 1)), (channels + 2, height, width))
        yield lambda: (bp.Flatten(), (channels * height * width,))
        if self.dropout:
            yield lambda: (bp.Dropout2d(0.3), shape)

    def head(self, width):
        """(the last layers, the loss, the targets of all samples)"""
        rng, last = self.rng, bp.Linear(width, CLASSES)
        labels = np.concatenate([np.arange(CLASSES), rng.integers(0, CLASSES, SAMPLES - CLASSES)])
        wanted = rng.standard_normal((SAMPLES, CLASSES)).astype(self.dtype)
        yes = (wanted > 0).astype(self.dtype)
        weight = rng.uniform(0.5, 2, CLASSES).astype(self.dtype)
        log, shares = bp.LogSoftmax(), rng.dirichlet(np.ones(CLASSES), SAMPLES).astype(self.dtype)
        return self.choose(
            ([last], bp.CrossEntropyLoss(), labels),
            ([last], bp.CrossEntropyLoss(weight=weight, label_smoothing=0.1), labels),
            ([last], bp.CrossEntropyLoss(ignore_index=1), labels),
            ([last], bp.CrossEntropyLoss(), shares),
            ([last, log], bp.NLLLoss(weight=weight), labels),
            ([last, log], bp.KLDivLoss(reduction="batchmean"), shares),
            ([last], bp.MSELoss(), wanted),
            ([last], bp.HuberLoss(delta=0.7), wanted),
            ([last], bp.SmoothL1Loss(), wanted),
            ([last], bp.BCEWithLogitsLoss(pos_weight=weight), yes),
            ([last, bp.Sigmoid()], bp.BCELoss(), yes),
        )

    def freeze(self, net):
        """A few parameters do not learn; those of the last Linear always do."""
        for parameter in list(net.parameters())[:-2]:
            parameter.requires_grad = bool(self.rng.random() > 0.2)

    def optimizer(self, net, steps):
        p = list(net.parameters())
        optimizer = self.choose(
            lambda: bp.SGD(p, lr=0.05),
            lambda: bp.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
            lambda: bp.SGD([{"params": p[:-1]}, {"params": p[-1], "lr": 0.01}], lr=0.05, momentum=0.5, dampening=0.1),
            lambda: bp.Adam(p, lr=0.01, amsgrad=True),
            lambda: bp.AdamW(p, lr=0.01),
            lambda: bp.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
            lambda: bp.Adagrad(p, lr=0.05, lr_decay=0.1),
            lambda: bp.NAdam(p, lr=0.01),
        )()
        schedule = self.choose(
            lambda: None,
            lambda: bp.StepLR(optimizer, 2),
            lambda: bp.LinearLR(optimizer, 1, 0, total_iters=steps),
            lambda: bp.CosineAnnealingLR(optimizer, steps),
            lambda: bp.OneCycleLR(optimizer, 0.02, steps, cycle_momentum=False),
        )()
        return optimizer, schedule
