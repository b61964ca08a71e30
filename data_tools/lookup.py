"""A data set by one word: auto, synthetic, shapes, the name of a published one, or a folder."""

import difflib
from pathlib import Path

from tqdm import tqdm

from data_tools import digits, shapes
from data_tools.dataset import load
from data_tools.download import DownloadError, cache_directory, cached, fetch
from data_tools.sources import ARCHIVES, NAMES

WORDS = "auto", "synthetic", "shapes", *NAMES
OFFLINE = """\
*** OFFLINE: MNIST could not be downloaded. Training on synthesized digits: ***
*** easier than handwriting, so the accuracy tests the machinery only.      ***
*** If you have MNIST's files in a folder: --data FOLDER                    ***"""
DRAWN = {  # word -> (what draws it, how many, what to call them)
    "synthetic": (digits.synthesize, 70_000, "digits"),
    "shapes": (shapes.synthesize, 60_000, "coloured shapes"),
}
HELP = f"auto, synthetic, shapes, one of {', '.join(NAMES)}, or a folder of such files (auto)"


def find(wanted="auto", split=None):
    """(Dataset, where it came from): from the cache, downloaded into it, drawn, or from a folder or file.

    "auto" is MNIST. If it cannot be downloaded, a message says so, and digits are drawn instead; "synthetic" always
    draws digits, and "shapes" coloured images of CIFAR's size. `split` is as in `load`. Raises FileNotFoundError for a
    word that seems misspelt, listing the known ones.
    """
    if not Path(wanted).exists():
        wanted = wanted.lower() if wanted.lower() in WORDS else wanted
        if wanted not in WORDS and Path(wanted).name == wanted:
            near = difflib.get_close_matches(wanted.lower(), WORDS, 1)
            if near:
                words = f"did you mean {near[0]!r}? There are {', '.join(WORDS)}"
                raise FileNotFoundError(f"there is no folder {wanted!r}, nor a data set of that name; {words}")
    name = "mnist" if wanted == "auto" else wanted
    if name in NAMES:
        try:
            return load(cached(name) or fetch(name)), name
        except DownloadError as error:
            if wanted != "auto":
                instead = "shapes" if name in ARCHIVES else "synthetic"
                raise DownloadError(
                    f"{error}\nWithout it, --data {instead} draws {DRAWN[instead][2]} instead"
                ) from None
            print(f"{error}\n\n{OFFLINE}\n")
            wanted = "synthetic"
    if wanted in DRAWN:
        return load(_drawn(wanted)), f"synthesized {DRAWN[wanted][2]}"
    return load(wanted, split, print), Path(wanted).resolve().name


def _drawn(word):
    """The synthesized images of seed 0 in the user's cache, drawn now if they are not there yet."""
    folder, (draw, count, called) = cache_directory(word), DRAWN[word]
    try:
        load(folder)
    except (OSError, ValueError):
        with tqdm(total=count, desc=f"drawing {called}, once", unit=" images", dynamic_ncols=True) as bar:
            draw(folder, progress=bar.update)
    return folder
