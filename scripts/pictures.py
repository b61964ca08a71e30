"""Draw the README's pictures that need no training run.

python scripts/pictures.py              into scripts/pictures
python scripts/pictures.py DIR
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import backprop as bp
from backprop.show.explain.pictures import over_depth
from backprop.show.recursion import recursion
from backprop.show.sweep import step_sweep
from data_tools import shapes, sheet, terminal


def hand_worked():
    """The 2-2-1 network of backprop/layers/sequential.py and one sample, in float64."""
    net = bp.Sequential(bp.Linear(2, 2), bp.ReLU(), bp.Linear(2, 1))
    net[0].weight, net[0].bias = bp.Parameter([[1, 2], [3, -4]]), bp.Parameter([1, 0])
    net[2].weight, net[2].bias = bp.Parameter([[2, -1]]), bp.Parameter([0.5])
    return net.to(np.float64), np.array([[1.0, 1.0]]), np.array([[7.5]])


def deep(activation, he=False, layers=20, width=128):
    """A chain of 20 layers; with `he` their weights have the variance 2/I that a ReLU needs (He and others, 2015)."""
    bp.manual_seed(0)
    net = bp.Sequential(bp.Linear(width, width))
    for _ in range(layers - 1):
        net.append(activation()).append(bp.Linear(width, width))
    if he:
        rng = np.random.default_rng(0)
        for layer in net[::2]:
            layer.weight.data[...] = rng.normal(0, np.sqrt(2 / width), (width, width))
    return net


def depth(path):
    """What becomes of delta on its way down through 20 layers, by the activation and by the initial weights."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((256, 128)).astype(np.float32), rng.integers(0, 128, 256)
    nets = {
        "sigmoid": deep(bp.Sigmoid),
        "ReLU": deep(bp.ReLU),
        "ReLU, initial weights of variance 2/I": deep(bp.ReLU, he=True),
    }
    seen = {name: bp.explain(net, x, y, bp.CrossEntropyLoss()) for name, net in nets.items()}
    return over_depth(seen, path, "20 linear layers of 128 units, before training")


def lecture_trace(path):
    """The lecture's function (A 14:55), or why it cannot be drawn here."""
    try:
        return bp.trace(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2), 2, 5).save(path)
    except bp.ProgramError as error:
        return f"{path} is left as it was: {error}"


def drawn_shapes(path):
    """Twelve of each class of the drawn shapes, in few colours, so that the file is small."""
    images, labels = shapes.draw(600, np.random.default_rng(0))
    sheet.contact_sheet(images, labels, path, columns=12, names=tuple(shapes.SHAPES))
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(128).save(path, optimize=True)
    return path


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parent / "pictures", metavar="DIR")
    out = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    net, x, y = hand_worked()
    print(recursion(net, bp.MSELoss(), x, y, out / "recursion.png", ["a_0", "u_1", "a_1", "u_2"], factor=0.5))
    print(step_sweep(out / "sweep.png"))
    print(lecture_trace(out / "trace.png"))
    print(depth(out / "depth.png"))
    print(drawn_shapes(out / "shapes.png"))


if __name__ == "__main__":
    sys.exit(terminal.run(main))
