"""Ask a trained network what is in a picture.

    python scripts/predict.py runs/lenet/model.safetensors seven.png                the weights that a run has left
    python scripts/predict.py runs/cnn/model.safetensors IMAGES/*.jpg --top 5

A picture is scaled to the size of the training images, and grey if they were. Dark strokes on white paper become bright
on black, as MNIST's are. What the network was is read from metrics.json beside the weights.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import backprop as bp
import data_tools
from backprop import functional as F
from backprop.columns import table
from backprop.show.trained import network_of
from data_tools import terminal
from data_tools.folders import read_picture, shades

BRIGHT = 127  # a picture whose mean is above is taken for ink on paper


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, metavar="WEIGHTS", help="model.safetensors of a run")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("--top", type=int, default=3, metavar="N", help="how many classes to name (3)")
    options = parser.parse_args(arguments)
    try:
        net, image, names = network_of(options.weights)
        pictures = np.stack([as_image(path, image) for path in options.pictures])
        print("\n".join(table([*rows(net, pictures, names, options)], indent="")))
    except (bp.BackpropError, data_tools.DatasetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def as_image(path, image):
    """A picture as the network takes it, uint8 (C, H, W)."""
    channels, height, width = image
    pixels = read_picture(path, (width, height))
    if channels == 3:
        return np.moveaxis(pixels, 2, 0)
    grey = shades(pixels)[None]
    return 255 - grey if grey.mean() > BRIGHT else grey


def rows(net, pictures, names, options):
    """A row for each picture: its name, and the likeliest classes with their probabilities."""
    found = F.softmax(bp.predict(net, pictures), 1)
    for path, shares in zip(options.pictures, found, strict=True):
        best = np.argsort(-shares, kind="stable")[: max(options.top, 1)]
        yield (str(path), *(f"{names[n]} {shares[n]:.1%}" for n in best))


if __name__ == "__main__":
    sys.exit(terminal.run(main))
