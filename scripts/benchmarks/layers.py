"""Every public layer and loss, called by hand, forward and backward, as this engine and PyTorch name them.

A work is a layer as one would type it, the shape of its input, and what a loss is compared with.
"""

import numpy as np

VECTORS = [(64, 100), (256, 1024), (2000, 300)]
IMAGES = [(16, 8, 14, 14), (64, 16, 28, 28), (20, 48, 33, 31)]
SEQUENCES = [(28, 64, 28), (50, 16, 100), (100, 128, 32)]  # steps, samples, features
SENTENCES = [(64, 17, 64), (64, 50, 64), (16, 128, 256)]  # samples, places, numbers at each
SCORES = [(64, 10), (256, 1000), (5000, 30)]

ACTIVATIONS = [
    "ReLU", "Sigmoid", "Tanh", "LeakyReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Softplus", "Softsign",
    "Tanhshrink", "Hardshrink", "Softshrink", "Hardtanh", "Hardsigmoid", "Hardswish", "LogSigmoid", "ReLU6",
]  # fmt: skip
ON_IMAGES = [
    "GELU(approximate='tanh')", "PReLU({c})", "Dropout(0.5)", "Dropout2d(0.5)", "BatchNorm2d({c})",
    "GroupNorm(4, {c})", "LayerNorm([{c}, {h}, {w}])", "Softmax(1)", "LogSoftmax(1)",
    "MaxPool2d(2)", "MaxPool2d(3, stride=2, padding=1)", "AvgPool2d(2)", "AvgPool2d(3, stride=1, padding=1)",
    "AdaptiveAvgPool2d(1)", "AdaptiveAvgPool2d(5)", "ZeroPad2d(1)", "ConstantPad2d(2, 0.5)", "ReflectionPad2d(2)",
    "ReplicationPad2d(2)", "CircularPad2d(2)", "Flatten()",
    "Conv2d({c}, 16, 3, padding=1)", "Conv2d({c}, 32, 3, stride=2)", "Conv2d({c}, 24, 5, stride=2, padding=2)",
    "Conv2d({c}, 64, 1)", "Conv2d({c}, {c}, 3, padding=1, groups={c})", "Conv2d({c}, 20, 3, dilation=2)",
    "GLU(1)", "InstanceNorm2d({c})", "LocalResponseNorm(3)", "PixelShuffle(2)", "Upsample(scale_factor=2)",
    "AdaptiveMaxPool2d(5)", "LPPool2d(2, 2)", "Unfold(3)",
    "Conv2d({c}, 96, 3, padding=1)", "ConvTranspose2d({c}, 16, 2, stride=2)", "ConvTranspose2d({c}, 8, 3, padding=1)",
]  # fmt: skip
ON_VECTORS = [
    "Linear({f}, 10)", "Linear({f}, 256)", "BatchNorm1d({f})", "LayerNorm({f})", "RMSNorm({f})", "GroupNorm(2, {f})",
    "Softmax(1)", "LogSoftmax(1)", "Dropout(0.2)", "RNNCell({f}, 64)", "GRUCell({f}, 64)", "LSTMCell({f}, 64)",
]  # fmt: skip
ON_SEQUENCES = ["RNN({f}, 64)", "GRU({f}, 64)", "LSTM({f}, 64)", "LSTM({f}, 200)"]
ON_SENTENCES = [
    "MultiheadAttention({f}, 4, batch_first=True)", "MultiheadAttention({f}, 16, batch_first=True)",
    "TransformerEncoderLayer({f}, 4, 256, 0.0, batch_first=True)",
    "TransformerEncoderLayer({f}, 4, 256, 0.0, 'gelu', batch_first=True, norm_first=True)",
]  # fmt: skip
LOSSES = {  # name -> what a target is
    "CrossEntropyLoss()": "labels",
    "CrossEntropyLoss(label_smoothing=0.1)": "labels",
    "NLLLoss()": "labels",
    "MSELoss()": "numbers",
    "L1Loss()": "numbers",
    "HuberLoss()": "numbers",
    "SmoothL1Loss()": "numbers",
    "BCELoss()": "probabilities",
    "BCEWithLogitsLoss()": "probabilities",
    "KLDivLoss(reduction='batchmean')": "probabilities",
    "SoftMarginLoss()": "signs",
    "MultiMarginLoss()": "labels",
    "PoissonNLLLoss()": "probabilities",
}


def works():
    """[(label, (layer, shape of its input, target))]"""
    found = []
    for shape in IMAGES:
        named = dict(zip("chw", shape[1:], strict=True))
        found += [(f"{name}()", shape, None) for name in ACTIVATIONS]
        found += [(name.format(**named), shape, None) for name in ON_IMAGES]
    for shape in VECTORS:
        found += [(name.format(f=shape[1]), shape, None) for name in ON_VECTORS]
    for shape in SEQUENCES:
        found += [(name.format(f=shape[2]), shape, None) for name in ON_SEQUENCES]
    found += [(name.format(f=shape[2]), shape, None) for shape in SENTENCES for name in ON_SENTENCES]
    found += [(f"Embedding({count}, {size})", shape, "index") for count, size, shape in (
        (100, 32, (64, 20)), (5000, 64, (32, 100)), (30000, 256, (16, 50))
    )]  # fmt: skip
    found += [(name, shape, target) for shape in SCORES for name, target in LOSSES.items()]
    return [(f"{name}, {' x '.join(map(str, shape))}", (name, shape, target)) for name, shape, target in found]


def arrays(name, shape, target):
    """(input, target or None)"""
    rng = np.random.default_rng(0)
    if target == "index":
        return rng.integers(0, int(name[name.index("(") + 1 : name.index(",")]), shape), None
    x = rng.standard_normal(shape).astype(np.float32)
    if name.startswith("BCELoss"):
        x = rng.uniform(0.01, 0.99, shape).astype(np.float32)
    if name.startswith(("NLLLoss", "KLDivLoss")):
        x = np.log(rng.dirichlet(np.ones(shape[1]), shape[0])).clip(-30).astype(np.float32)
    if target == "labels":
        return x, rng.integers(0, shape[1], shape[0])
    if target == "signs":
        return x, np.sign(x[::-1])
    return x, {None: None, "numbers": x[::-1].copy(), "probabilities": rng.random(shape, np.float32)}[target]


def delta(shape):
    """What comes back from the layers above."""
    return np.random.default_rng(2).standard_normal(shape).astype(np.float32)


def values(shapes):
    """The same initial parameters for everybody: small ones."""
    rng = np.random.default_rng(1)
    return [rng.uniform(-0.1, 0.1, shape).astype(np.float32) for shape in shapes]


def compared(name, results):
    """The results by which players are compared: none where they are random."""
    return [] if "Dropout" in name else [np.array(each) for each in results if each is not None]
