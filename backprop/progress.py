"""One bar for a whole training run: where it is, the epoch's loss and accuracy so far, images per second."""

import math
import time

from tqdm import tqdm

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
        self.seen, self.right, self.total, self.shown = 0, 0, 0.0, time.perf_counter()
        self.bar.set_description_str(title)

    def add(self, images, losses, right):
        """Batches are done: how many images each had, their mean losses, how many of them were right."""
        self.count(images, losses, right)
        self.bar.update(images * len(losses))
        if time.perf_counter() - self.shown > REFRESH:
            self.show()

    def count(self, images, losses, right):
        """As `add`, for batches that were done before: the bar began behind them."""
        self.seen, self.right = self.seen + images * len(losses), self.right + sum(right)
        for loss in losses:
            self.total += loss * images

    def show(self):
        """Put the numbers of this epoch on the bar now."""
        self.shown = time.perf_counter()
        self.bar.set_description_str(self.title, refresh=False)
        accuracy = "" if math.isnan(self.accuracy) else f", accuracy {self.accuracy:.2%}"
        self.bar.set_postfix_str(f"loss {self.loss:.4f}{accuracy}")

    def note(self, text):
        """Show `text` in the title's place until the numbers change."""
        self.bar.set_description_str(text)

    @property
    def loss(self):
        """The mean loss of this epoch so far."""
        return self.total / max(self.seen, 1)

    @property
    def accuracy(self):
        """The share of right answers of this epoch so far."""
        return self.right / max(self.seen, 1)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bar.close()
