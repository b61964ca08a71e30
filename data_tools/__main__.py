"""The command line of data_tools: python -m data_tools fetch | synthesize | inspect | pack | unpack."""

import argparse
import sys

from tqdm import tqdm

from data_tools import digits, shapes, sheet, terminal
from data_tools.dataset import DatasetError, load
from data_tools.download import DownloadError, fetch
from data_tools.folders import pack, unpack
from data_tools.idx import IDXError
from data_tools.sources import NAMES


def main(arguments=None):
    """Run one command; returns the exit status: 0, or 1 after one line that says what was wrong."""
    parser = argparse.ArgumentParser(prog="python -m data_tools", description="Image data sets as IDX files.")
    commands = parser.add_subparsers(dest="command", required=True)

    command = commands.add_parser("fetch", help="download a data set into the cache, verified by its hashes")
    command.add_argument("name", choices=list(NAMES))
    command.add_argument("--out", metavar="DIR", help="put it there instead of into the user's cache")

    command = commands.add_parser("synthesize", help="draw digits, or coloured shapes, and write them as four files")
    command.add_argument("directory", metavar="DIR")
    command.add_argument("--train", type=int, default=60_000, metavar="N", help="training images (60000)")
    command.add_argument("--test", type=int, default=10_000, metavar="N", help="test images (10000)")
    command.add_argument("--shapes", action="store_true", help="coloured shapes of CIFAR's size instead of digits")
    command.add_argument("--seed", type=int, default=0)

    command = commands.add_parser("inspect", help="print shapes and class counts, draw a contact sheet")
    command.add_argument("directory", metavar="DIR")
    command.add_argument("--sheet", metavar="PNG", help="draw a contact sheet of the training images")
    command.add_argument("--split", metavar="WORD", help="which of several sets in a folder, as in EMNIST: letters")

    command = commands.add_parser(
        "pack", help="make IDX files from a folder of images: IMAGES/train/CLASS/NAME.png, .../test/..."
    )
    command.add_argument("images", metavar="IMAGES")
    command.add_argument("directory", metavar="DIR")
    command.add_argument("--size", nargs="+", metavar="N", help="scale all images to this size: 28, 28 20, or 28x20")
    command.add_argument("--invert", action="store_true", help="dark strokes on white become bright on black")
    command.add_argument("--grey", action="store_true", help="colours become shades of grey")

    command = commands.add_parser("unpack", help="make a folder of images from IDX files, the reverse of pack")
    command.add_argument("directory", metavar="DIR")
    command.add_argument("images", metavar="IMAGES")

    options = parser.parse_args(arguments)
    for name in ("train", "test", "seed"):
        if getattr(options, name, 0) < 0:
            parser.error(f"--{name} must not be negative")
    try:
        COMMANDS[options.command](options)
    except (IDXError, DatasetError, DownloadError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _fetch(options):
    print(fetch(options.name, options.out))


def _synthesize(options):
    draw = shapes.synthesize if options.shapes else digits.synthesize
    with tqdm(total=options.train + options.test, unit=" images") as bar:
        print(draw(options.directory, options.train, options.test, options.seed, bar.update))


def _inspect(options):
    data = load(options.directory, options.split, print)
    print(sheet.describe(data))
    if options.sheet:
        sheet.contact_sheet(data.train_images, data.train_labels, options.sheet, names=data.names)
        print(options.sheet)


def _pack(options):
    with tqdm(unit=" images") as bar:
        size, told = _size(options.size), []
        labels = pack(options.images, options.directory, size, bar.update, options.invert, options.grey, told.append)
    for words in told:
        print(f"note: {words}")
    print(options.directory, " ".join(f"{label}={name}" for name, label in labels.items()))


def _size(words):
    """(width, height) of what was typed: 28, 28 20, 28x20; None for nothing."""
    if words is None:
        return None
    numbers = "x".join(words).lower().split("x")
    if len(numbers) > 2 or not all(number.isdigit() for number in numbers):
        raise DatasetError(f"a size must be a number, or a width and a height, got {' '.join(words)}")
    return int(numbers[0]), int(numbers[-1])


def _unpack(options):
    with tqdm(unit=" images") as bar:
        print(unpack(options.directory, options.images, bar.update))


COMMANDS = {"fetch": _fetch, "synthesize": _synthesize, "inspect": _inspect, "pack": _pack, "unpack": _unpack}


if __name__ == "__main__":
    sys.exit(terminal.run(main))
