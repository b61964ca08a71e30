"""Make the companion page: each formula of the lecture beside the code that computes it, worked out, and checked.

    python scripts/companion.py                      companion.html, to be opened in a browser
    python scripts/companion.py --out notes.html
    python scripts/companion.py --video lecture.mp4  its minutes become links, lecture.mp4#t=514

Everything on it is read from the code as it stands, and computed now. The page needs no network.
"""

import argparse
import sys
from pathlib import Path

from backprop.lecture.companion import write
from data_tools import terminal


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", default="", metavar="URL", help="the lecture's video: the minutes link to it")
    parser.add_argument("--out", type=Path, default=Path("companion.html"), metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        print(f"the companion is in {write(options.out, options.video)}")
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(terminal.run(main))
