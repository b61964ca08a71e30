"""One bar for a whole training run: where it is, the epoch's loss and accuracy so far, images per second."""

import math
import time

from tqdm import tqdm

from backprop.history import Tally

REFRESH = 0.2  # seconds between two changes of the numbers


class Progress:
    """Counts what an epoch has seen, and shows it. `with Progress(images, show) as progress: ...`"""

    def __init__(self, images, show=True, done=0):
        self.bar = tqdm(total=images, initial=done, unit=" images", disable=not show, dynamic_ncols=True)
        self.title = ""
        self.begin("")

    def begin(self, title):
        """Start counting anew, under this title."""
        self.title = title
        self.tally, self.shown = Tally(), time.perf_counter()
        self.bar.set_description_str(title)

    def add(self, images, *batches):
        """Batches are done: how many images each had, and lists of their losses, terms, right answers and answers."""
        self.count(*batches)
        self.bar.update(images * len(batches[0]))
        if time.perf_counter() - self.shown > REFRESH:
            self.show()

    def count(self, *batches):
        """As `add`, for batches that were done before: the bar began behind them."""
        for loss, terms, right, answers in zip(*batches, strict=True):
            self.tally.add(loss * terms if terms else 0.0, terms, right, answers)  # a mean over nothing is NaN

    def show(self):
        """Put the numbers of this epoch on the bar now."""
        self.shown = time.perf_counter()
        self.bar.set_description_str(self.title, refresh=False)
        accuracy = "" if math.isnan(self.tally.accuracy) else f", accuracy {self.tally.accuracy:.2%}"
        self.bar.set_postfix_str(f"loss {self.tally.loss:.4f}{accuracy}")

    def note(self, text):
        """Show `text` in the title's place until the numbers change."""
        self.bar.set_description_str(text)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bar.close()
