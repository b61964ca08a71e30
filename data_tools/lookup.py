"""A data set by one word: auto, synthetic, the name of a published one, or a folder."""

import difflib
from pathlib import Path

from tqdm import tqdm

from data_tools.dataset import load
from data_tools.digits import synthesize
from data_tools.download import DownloadError, cache_directory, cached, fetch
from data_tools.sources import HASHES

WORDS = "auto", "synthetic", *HASHES
OFFLINE = """\
*** OFFLINE: MNIST could not be downloaded. Training on synthesized digits: ***
*** easier than handwriting, so the accuracy tests the machinery only.      ***
*** If you have MNIST's files in a folder: --data FOLDER                    ***"""
HELP = f"auto, synthetic, one of {', '.join(HASHES)}, or a folder of such files (auto)"


def find(wanted="auto", split=None):
    """(Dataset, where it came from): from the cache, downloaded into it, drawn, or from a folder or file.

    "auto" is MNIST. If it cannot be downloaded, a message says so, and digits are drawn instead. `split` is as in
    `load`. Raises FileNotFoundError for a word that seems misspelt, listing the known ones.
    """
    if not Path(wanted).exists():
        wanted = wanted.lower() if wanted.lower() in WORDS else wanted
        if wanted not in WORDS and Path(wanted).name == wanted:
            near = difflib.get_close_matches(wanted.lower(), WORDS, 1)
            if near:
                words = f"did you mean {near[0]!r}? There are {', '.join(WORDS)}"
                raise FileNotFoundError(f"there is no folder {wanted!r}, nor a data set of that name; {words}")
    name = "mnist" if wanted == "auto" else wanted
    if name in HASHES:
        try:
            return load(cached(name) or fetch(name)), name
        except DownloadError as error:
            if wanted != "auto":
                raise
            print(f"{error}\n\n{OFFLINE}\n")
            wanted = "synthetic"
    if wanted == "synthetic":
        return load(_synthetic()), "synthesized digits"
    return load(wanted, split, print), Path(wanted).resolve().name


def _synthetic():
    """The synthesized digits of seed 0 in the user's cache, drawn now if they are not there yet."""
    folder = cache_directory("synthetic")
    try:
        load(folder)
    except (OSError, ValueError):
        with tqdm(total=70_000, desc="drawing digits, once", unit=" digits", dynamic_ncols=True) as bar:
            synthesize(folder, progress=bar.update)
    return folder
