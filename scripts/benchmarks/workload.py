"""What is measured: sizes, data and networks. All players get the same arrays."""

import itertools

import numpy as np

BATCH = 64

# A network is a list of layers; a convolution is (in_channels, out_channels, kernel_size, padding).
_LENET = [
    ("conv", 1, 6, 5, 2), ("relu",), ("pool", 2), ("conv", 6, 16, 5, 0), ("relu",), ("pool", 2), ("flatten",),
    ("linear", 400, 120), ("relu",), ("linear", 120, 84), ("relu",), ("linear", 84, 10),
]  # fmt: skip
MODELS = {
    "mlp128": [("flatten",), ("linear", 784, 128), ("relu",), ("linear", 128, 10)],
    "mlp512": [
        ("flatten",), ("linear", 784, 512), ("relu",), ("linear", 512, 512), ("relu",), ("linear", 512, 10),
    ],
    "lenet": _LENET,
    "cnn8": [
        ("conv", 1, 8, 3, 1), ("relu",), ("pool", 2), ("conv", 8, 16, 3, 1), ("relu",), ("pool", 2), ("flatten",),
        ("linear", 784, 10),
    ],
    "cnn32": [
        ("conv", 1, 32, 3, 0), ("relu",), ("conv", 32, 64, 3, 0), ("relu",), ("pool", 2), ("flatten",),
        ("linear", 9216, 128), ("relu",), ("linear", 128, 10),
    ],
}  # fmt: skip
LR, MOMENTUM = 0.01, 0.9

# (in_channels, out_channels, kernel_size, padding, size of the image)
CONVS = [
    (1, 6, 5, 2, 28),
    (6, 16, 5, 0, 14),
    (1, 8, 3, 1, 28),
    (8, 16, 3, 1, 14),
    (1, 32, 3, 0, 28),
    (32, 64, 3, 0, 26),
]

SQUARES = [512, 1024, 2048]


def gemms():
    """(form, N, O, I) of every product of the models' linear layers, forward and backward."""
    layers = dict.fromkeys(layer[1:] for layers in MODELS.values() for layer in layers if layer[0] == "linear")
    return [(form, BATCH, outputs, inputs) for inputs, outputs in layers for form in ("nt", "tn", "nn")]


def gemm_arrays(form, n, o, i):
    """(p, q, out) of a product in one of the three forms of backprop.kernels: N samples, O outputs, I inputs."""
    rng = np.random.default_rng(0)
    a, x, delta = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in ((n, i), (o, i), (n, o)))
    return {"nt": (a, x, np.empty((n, o), np.float32)), "tn": (delta, a, np.empty((o, i), np.float32))}.get(
        form, (delta, x, np.empty((n, i), np.float32))
    )


def conv_arrays(c, o, taps, pad, size):
    """(images, filters, bias, delta) of one convolution."""
    rng = np.random.default_rng(0)
    places = size + 2 * pad - taps + 1
    shapes = (BATCH, c, size, size), (o, c, taps, taps), (o,), (BATCH, o, places, places)
    return [rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]


def parameters(model):
    """Initial weights and biases of each layer that has some, uniform in +-1/sqrt(a unit's number of inputs)."""
    rng, found = np.random.default_rng(0), []
    for kind, *sizes in MODELS[model]:
        if kind in ("conv", "linear"):
            shape = (sizes[1], sizes[0], sizes[2], sizes[2]) if kind == "conv" else (sizes[1], sizes[0])
            bound = 1 / np.sqrt(np.prod(shape[1:]))
            found.append([rng.uniform(-bound, bound, some).astype(np.float32) for some in (shape, shape[:1])])
    return found


def network(library, model):
    """The network of a library with PyTorch's names, and its layers that learn."""
    build = {
        "conv": lambda c, o, taps, pad: library.Conv2d(c, o, taps, padding=pad),
        "linear": library.Linear,
        "relu": library.ReLU,
        "pool": library.MaxPool2d,
        "flatten": library.Flatten,
    }
    net = library.Sequential(*(build[kind](*sizes) for kind, *sizes in MODELS[model]))
    return net, [layer for layer in net if hasattr(layer, "weight")]


IMAGES, SEED = 6400, 0  # of an epoch


def data():
    """Images (IMAGES, 1, 28, 28) of bytes, and labels."""
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (IMAGES, 1, 28, 28), np.uint8), rng.integers(0, 10, IMAGES)


def order(epoch):
    """The batches of an epoch, as arrays of indices: the order of backprop.DataLoader with this SEED."""
    return np.random.default_rng([SEED, epoch]).permutation(IMAGES).reshape(-1, BATCH)


def epochs(train):
    """run(): one epoch more, in which train(index) is called for each batch."""
    numbers = itertools.count()

    def run():
        for index in order(next(numbers)):
            train(index)

    return run


def batch():
    """Images (64, 1, 28, 28) and labels."""
    rng = np.random.default_rng(1)
    return rng.uniform(0, 1, (BATCH, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, BATCH)
