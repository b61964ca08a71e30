"""The lecture's own experiments, each one command and one picture.

    python scripts/experiments.py stall       a loss that stalls, and its cures: weights, a ReLU, convolution (64:19)
    python scripts/experiments.py trap        784 scores for 10 classes: a plausible curve, and the refusal (72:39)
    python scripts/experiments.py collapse    linear layers in a row equal one, unless a ReLU is between (40:51)
    python scripts/experiments.py depth       what backpropagation saves: linear against quadratic cost (14:28)
    python scripts/experiments.py filters     what the first filters of a convolutional network learn (55:50)

The picture is NAME.png, unless --out names another. MNIST is taken from the cache or downloaded into it;
offline, digits are drawn. --data and --epochs are those of train_mnist.py.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from benchmarks import depth as growth
from benchmarks import report

import backprop as bp
import data_tools
from backprop.models.networks import MODELS, lenet
from backprop.show import lessons
from backprop.show.run import label_entropy
from backprop.training.evaluate import measure, predict
from backprop.training.fit import fit
from data_tools import terminal
from data_tools.lookup import HELP

BATCH = 64
CURES = {  # model -> (what it is in words, learning rate)
    "bias": ("two biases", 0.1),
    "linear": ("one linear layer", 0.1),
    "mlp": ("two, and a ReLU between", 0.1),
    "lenet": ("convolutions", 0.05),
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=list(EXPERIMENTS))
    parser.add_argument("--out", type=Path, metavar="PNG", help="the picture (NAME.png)")
    parser.add_argument("--data", default="auto", metavar="NAME|DIR", help=HELP)
    parser.add_argument("--epochs", type=int, default=2, help="epochs of each training (2)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    options.out = options.out or Path(f"{options.what}.png")
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        for line in EXPERIMENTS[options.what](options):
            print(line, flush=True)
    except (bp.BackpropError, data_tools.IDXError, data_tools.DatasetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"the picture is {options.out}")
    return 0


def stall(options):
    """Four models on one plot."""
    data, source = data_tools.find(options.data)
    curves = {}
    for name, (words, lr) in CURES.items():
        _, history, accuracy = trained(MODELS[name], data, options, lr, allow_wrong_classes=name == "bias")
        curves[words] = history.losses
        yield f"{words} (--model {name}): test accuracy {accuracy:.2%}, last losses {np.mean(history.losses[-50:]):.3f}"
    floor = label_entropy(data.train_labels)
    yield f"the entropy of the labels is {floor:.3f}: a bias can learn how frequent each class is, and no more"
    lessons.losses(curves, options.out, f"It stalls, and its cures: {source}, batches of {BATCH}", floor)


def trap(options):
    """784 scores for 10 classes, with the check off and on."""
    data, source = data_tools.find(options.data)

    def wide(image, classes):
        """The multilayer perceptron, whose author forgot the number of classes."""
        pixels = int(np.prod(image))
        return bp.Sequential(bp.Flatten(), bp.Linear(pixels, 128), bp.ReLU(), bp.Linear(128, pixels))

    _, history, accuracy = trained(wide, data, options, lr=0.1, allow_wrong_classes=True)
    yield f"with the check off: the loss falls to {np.mean(history.losses[-50:]):.3f}, test accuracy {accuracy:.2%}"
    try:
        trained(wide, data, options, lr=0.1)
    except bp.ShapeError as error:
        refusal = str(error)
    yield f"with the check on: {refusal}"
    title = f"784 scores for 10 classes: {source}"
    lessons.trap(history.losses, refusal, options.out, title, label_entropy(data.train_labels))


def collapse(options, layers=5, width=32):
    """The product of all weights is the weight of one layer."""
    bp.manual_seed(options.seed)
    stack = bp.Sequential(*(bp.Linear(width, width, dtype=np.float64) for _ in range(layers)))
    for layer in stack:
        layer.weight.data[...] *= np.sqrt(3)  # weights of variance 1/width: a signal keeps its size
    one = bp.Linear(width, width, dtype=np.float64)
    weight, bias = np.eye(width), np.zeros(width)
    for layer in stack:
        weight, bias = layer.weight.data @ weight, layer.weight.data @ bias + layer.bias.data
    one.weight, one.bias = bp.Parameter(weight), bp.Parameter(bias)
    bent = bp.Sequential(*(part for layer in stack for part in (layer, bp.ReLU())))[:-1]
    x = np.random.default_rng(options.seed).standard_normal((512, width))
    with_one = np.column_stack([x, np.ones(len(x))])
    fitted = with_one @ np.linalg.lstsq(with_one, bent(x), rcond=None)[0]  # no linear layer comes nearer to it
    outputs = one(x), stack(x), fitted, bent(x)
    sizes = [sum(p.size for p in net.parameters()) for net in (stack, one)]
    apart = [np.abs(outputs[place] - outputs[place + 1]).max() for place in (0, 2)]
    yield f"{layers} linear layers, {sizes[0]} numbers, and one of {sizes[1]} differ by at most {apart[0]:.1g}"
    yield f"with ReLUs between, the best linear layer differs from them by up to {apart[1]:.1g}"
    lessons.collapse(*outputs, options.out, f"{layers} linear layers are one, until something bends between them")


def depth(options):
    """What `bench.py depth` measures."""
    found = growth.measure()
    yield "seconds and bytes, on this machine"
    report.print_growth(found, growth.slope)
    report.draw_growth(options.out, found, growth.slope)


def filters(options):
    """LeNet's first six filters."""
    data, source = data_tools.find(options.data)
    bp.manual_seed(options.seed)
    before = lenet(data.with_channels()[0].shape[1:])[0].weight.data.copy()
    net, _, accuracy = trained(lenet, data, options, lr=0.05)
    digit = data.with_channels()[1][:1].astype(np.float32) / 255
    maps = net[:2](digit)[0]
    yield f"lenet on {source}: test accuracy {accuracy:.2%}"
    for place in np.flatnonzero(maps.max(axis=(1, 2)) == 0):
        yield f"filter {place + 1} finds nothing in this digit: its ReLU is off everywhere"
    title = f"LeNet's first filters, {options.epochs} epochs of {source}; purple: ink speaks for it, orange: against"
    lessons.filters(before[:, 0], net[0].weight.data[:, 0], digit[0, 0], maps, options.out, title)


def trained(model, data, options, lr, **switches):
    """(network, History, test accuracy) of one training: SGD with momentum, lr falling to 0 in equal steps."""
    bp.manual_seed(options.seed)
    images, test_images = data.with_channels()
    net = model(image=images.shape[1:], classes=int(data.train_labels.max()) + 1)
    train = bp.DataLoader(images, data.train_labels, BATCH, shuffle=True, seed=options.seed)
    test = bp.DataLoader(test_images, data.test_labels, 256)
    sgd = bp.SGD(net.parameters(), lr=lr, momentum=0.9)
    schedule = bp.LinearLR(sgd, 1, 0, total_iters=options.epochs * len(train))
    loss = bp.CrossEntropyLoss()
    history = fit(net, loss, sgd, train, epochs=options.epochs, schedule=schedule, **switches)
    _, accuracy = measure(loss, list(predict(net, test)))
    return net, history, accuracy


EXPERIMENTS = {"stall": stall, "trap": trap, "collapse": collapse, "depth": depth, "filters": filters}

if __name__ == "__main__":
    sys.exit(terminal.run(main))
