"""What layers' outputs are called, as on the slides: u of a layer with weights, a of what follows it."""

from backprop.layers import Bias, Linear, ReLU, Sigmoid, Softmax, Tanh
from backprop.layers.conv import Convolution

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
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

    u₁ is the output of the first layer with weights, wherever it is used, a₁ that of what comes behind it; the next one
    there, such as a pooling layer's, is a₁′.
    """

    def __init__(self, x):
        self.numbers = {}  # of layers with weights
        self.present = 0
        self.names = {id(x): "a₀"}
        self.taken = {"a₀"}
        self.kept = [x]  # so that no other array gets its id

    def of(self, array):
        """The array's name; a dot for one that was computed between layers, in a graph."""
        return self.names.get(id(array), "·")

    def formula(self, module, a, output):
        """The layer's formula; its output has a name from now on."""
        weighted = isinstance(module, Bias) or any(len(p.shape) > 1 for p in module.parameters())
        if weighted:
            self.present = self.numbers.setdefault(module, len(self.numbers) + 1)
        number = str(self.present).translate(SUBSCRIPTS)
        form = _form(module).format(a=self.of(a), l=number)
        if isinstance(output, float):
            return f"L = {form}"
        name = ("u" if weighted else "a") + number
        while not weighted and name in self.taken:
            name += "′"
        self.taken.add(name)
        self.names[id(output)] = name
        self.kept.append(output)
        return f"{name} = {form}"


def _form(module):
    for kind, (with_bias, without) in FORMULAS.items():
        if isinstance(module, kind):
            return without if getattr(module, "bias", None) is None else with_bias
    return type(module).__name__ + "({a})"
