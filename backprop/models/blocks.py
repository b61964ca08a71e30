"""Networks that are not chains, each a formula of a few lines. Their backward is the graph's, (17)."""

import math

import numpy as np

from backprop import functional as F
from backprop.errors import OptionError
from backprop.graph import Graph, Value
from backprop.layers import AdaptiveAvgPool1d, BatchNorm2d, Bias, Conv2d, Linear, ReLU
from backprop.layers.sequential import Sequential
from backprop.module.options import whole
from backprop.module.rng import generator


class Residual(Graph):
    """a + body(a): the body adds a correction to a, and delta has a path around it (He and others, 2015).

    backward  (17)  delta_a = delta + body.backward(delta), for a was used twice
    """

    recordable = True

    def __init__(self, body):
        self.body = body

    def build(self, a):
        return a + self.body(a)


class BasicBlock(Graph):
    """relu(body(a) + shortcut(a)): two convolutions, each normalised, correct their input (He and others, 2015).

    Where the block makes images smaller, or changes the number of channels, the shortcut is a convolution of 1 x 1.

    backward  (17)  delta, through relu, goes into both; what comes out of body and shortcut is added
    """

    recordable = True

    def __init__(self, inputs, outputs, stride=1):
        self.body = Sequential(
            Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            BatchNorm2d(outputs),
            ReLU(),
            Conv2d(outputs, outputs, 3, padding=1, bias=False),
            BatchNorm2d(outputs),
        )
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            projection = Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.shortcut = Sequential(projection, BatchNorm2d(outputs))
        self.relu = ReLU()

    def build(self, a):
        return self.relu(self.body(a) + (a if self.shortcut is None else self.shortcut(a)))


class Branches(Graph):
    """Several modules read the same input; their outputs are concatenated along `axis` (Szegedy and others, 2014).

    backward  (17)  each branch gets its part of delta; delta_a is the sum of what they return
    """

    recordable = True

    def __init__(self, *branches, axis=1):
        if not branches:
            raise OptionError("needs at least one branch")
        self.branches, self.axis = branches, axis

    def build(self, a):
        return np.concatenate([branch(a) for branch in self.branches], axis=self.axis)


class Patches(Graph):
    """Images (N, C, H, W) cut into L = (H/P) (W/P) squares of P x P, row by row: out (N, L, D), D is `width`.

        out[n,l] = square[n,l] W^T + b + position[l]

    Squares are the words of the sentence that a transformer reads. Attention ignores order, so a learned vector is
    added for each place (Dosovitskiy and others, 2021).
    """

    recordable = True

    def __init__(self, image, patch, width):
        (channels, height, width_of_image), count = image, math.prod(image[1:]) // whole("patch", patch, 1) ** 2
        if height % patch or width_of_image % patch:
            raise OptionError(f"images of {image[1:]} cannot be cut into squares of {patch} x {patch}")
        self.patch, self.project = patch, Linear(channels * patch * patch, width)
        self.positions = Bias(count * width)
        self.positions.bias.data[...] = generator().normal(0, 0.02, count * width)

    def build(self, images):
        (samples, channels, height, width), side = images.shape, self.patch
        squares = images.reshape(samples, channels, height // side, side, width // side, side)
        squares = squares.transpose(0, 2, 4, 1, 3, 5)
        count = height // side * (width // side)
        found = self.project(squares.reshape(samples, count, channels * side * side))
        return self.positions(found.reshape(samples, count * found.shape[2])).reshape(*found.shape)


class MeanOverPositions(Graph):
    """out[n,d] = 1/L sum_l a[n,l,d]: (N, L, D) -> (N, D)"""

    recordable = True

    def __init__(self):
        self.mean = AdaptiveAvgPool1d(1)

    def build(self, a):
        return self.mean(a.transpose(0, 2, 1)).reshape(len(a), a.shape[2])


class Unrolled(Graph):
    """The layer `RNN` written out, h_t = tanh(x_t W_ih^T + b_ih + h_{t-1} W_hh^T + b_hh), by two layers.

        x (T, N, I)   W_ih (H, I)   W_hh (H, H)   the states h_1 ... h_T (T, N, H); h_0 = 0

    backward  (17)  a state goes into its output and into the next step; gradients of weights add up over steps
    """

    recordable = True

    def __init__(self, input_size, hidden_size):
        self.input, self.state = Linear(input_size, hidden_size), Linear(hidden_size, hidden_size)

    def build(self, x):
        self.expect(x.ndim == 3 and len(x), "(T, N, I), T steps of N sequences", got=x)
        h = Value(F.zeros((x.shape[1], self.state.in_features), x.data), requires_grad=False)
        states = []
        for x_t in x:
            h = np.tanh(self.input(x_t) + self.state(h))
            states.append(h)
        return np.stack(states)


class RowByRow(Graph):
    """An image (N, C, H, W) is read row by row, from the top, by a recurrent module; the output is its last state."""

    recordable = True

    def __init__(self, reader):
        self.reader = reader

    def build(self, images):
        samples, channels, height, width = images.shape
        rows = images.transpose(2, 0, 1, 3).reshape(height, samples, channels * width)
        return self.reader(rows)[-1]
