"""What layers' outputs are called, as on the slides: u of a layer with weights, a of an activation."""

import numpy as np

from backprop.layers import Bias, Embedding, Linear, LogSoftmax, PReLU, ReLU, Sigmoid, Softmax, Tanh
from backprop.layers.conv import Convolution
from backprop.layers.conv_transpose import TransposedConvolution
from backprop.layers.more_activations import Elementwise
from backprop.layers.norm import Affine
from backprop.layers.recurrent_stack import RecurrentStack
from backprop.show.numbers import subscript

ACTIVATIONS = (ReLU, Sigmoid, Tanh, Elementwise, PReLU)  # that act on each unit alone
SIGMAS = (*ACTIVATIONS, Softmax, LogSoftmax)
FORMULAS = {
    Linear: ("{a}X{l}ᵀ + μ{l}", "{a}X{l}ᵀ"),  # with a bias, without
    Convolution: ("X{l} ⋆ {a} + μ{l}", "X{l} ⋆ {a}"),
    Bias: ("{a} + μ{l}",) * 2,
    ReLU: ("relu({a})",) * 2,
    Sigmoid: ("sigmoid({a})",) * 2,
    Tanh: ("tanh({a})",) * 2,
    Softmax: ("softmax({a})",) * 2,
}


class LayerNames:
    """Gives a name to each array that goes through a network, in the order of the forward pass.

    u₁ is the output of the first layer with weights, wherever it is used, a₁ that of the activation after it. Other
    layers that follow, such as normalisation or pooling, keep the letter: u₁′, a₁′.
    """

    def __init__(self, x):
        self.numbers = {}  # of layers with weights
        self.present = 0
        self.features = -1 if np.ndim(x) < 3 else 1  # the axis along which features, or channels, lie
        self.names = {id(x): "a₀"}
        self.taken = {"a₀"}
        self.kept = [x]  # so that no other array gets its id

    def formula(self, module, a, output):
        """(the layer's formula, the axis of its features); its output has a name from now on."""
        if has_weights(module):
            self.present = self.numbers.setdefault(module, len(self.numbers) + 1)
            self.features = -1 - getattr(module, "axes", 0)
        elif np.ndim(output) == 2:
            self.features = -1
        number = subscript(self.present)
        read = self.names.get(id(a), "·")  # a dot for what was computed between layers, in a graph
        form = _form(module).format(a=read, l=number)
        if isinstance(output, float):
            return f"L = {form}", self.features
        letter = "u" if has_weights(module) else "a" if isinstance(module, SIGMAS) or read == "·" else read[0]
        name = letter + number
        while not has_weights(module) and name in self.taken:
            name += "′"
        self.taken.add(name)
        self.names[id(output)] = name
        self.kept.append(output)
        return f"{name} = {form}", self.features


def has_weights(module):
    """Whether the slides would count it as a layer: it mixes features, or adds to them, with learned parameters."""
    known = isinstance(module, (Linear, Bias, Embedding, Convolution, TransposedConvolution, RecurrentStack))
    scales = isinstance(module, (Affine, PReLU))
    return known or (not scales and bool(module.own_parameters()))


def _form(module):
    for kind, (with_bias, without) in FORMULAS.items():
        if isinstance(module, kind):
            return without if getattr(module, "bias", None) is None else with_bias
    return type(module).__name__ + "({a})"
