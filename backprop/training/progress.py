"""One bar for a whole training run: where it is, the epoch's loss and accuracy so far, images per second."""

import math
import time

from tqdm import tqdm

from backprop.training.history import Tally

REFRESH = 0.2  # seconds between two changes of the numbers
LINE = "{desc}: {percentage:3.0f}%|{bar}| {rate_noinv_fmt}, {remaining} left{postfix}"  # it fits into 80 columns


class Progress:
    """Counts what an epoch has seen, and shows it. `with Progress(images, show) as progress: ...`"""

    def __init__(self, images, show=True, done=0):
        how = {"unit": " images", "unit_scale": True, "bar_format": LINE, "dynamic_ncols": True}
        self.bar = tqdm(total=images, initial=done, **how) if show else _NoBar()
        self.title, self._noted = "", None
        self.begin("")

    def begin(self, title):
        """Start counting anew, under this title."""
        self.title = title
        self.tally, self.shown = Tally(), time.perf_counter()
        self.bar.set_description_str(title, refresh=False)

    def add(self, images, *batches):
        """Add finished batches: images in each, and lists of their losses, terms, right answers and answers."""
        self.count(*batches)
        self._resume()
        self.bar.update(images * len(batches[0]))
        if time.perf_counter() - self.shown > REFRESH:
            self.show()

    def count(self, *batches):
        """As `add`, for batches done before the bar began: it started after them."""
        for loss, terms, right, answers in zip(*batches, strict=True):
            self.tally.add(loss * terms if terms else 0.0, terms, right, answers)  # a mean over nothing is NaN

    def show(self):
        """Put the numbers of this epoch on the bar now."""
        self._resume()
        self.shown = time.perf_counter()
        self.bar.set_description_str(self.title, refresh=False)
        loss = f"loss {self.tally.loss:.4f}" if self.tally.terms else ""
        accuracy = "" if math.isnan(self.tally.accuracy) else f", accuracy {self.tally.accuracy:.2%}"
        self.bar.set_postfix_str(loss + accuracy)

    def note(self, text):
        """Show `text` in the title's place until the numbers change; the time until then does not count as training."""
        self._noted = self._noted or time.time()
        self.bar.set_description_str(text)

    def _resume(self):
        if self._noted and not self.bar.disable:
            away = time.time() - self._noted
            self.bar.start_t, self.bar.last_print_t = self.bar.start_t + away, self.bar.last_print_t + away
        self._noted = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.show()
        self.bar.close()


class _NoBar:
    """Takes the place of a bar that is not shown: a disabled tqdm still starts a thread and takes a lock that forked
    processes share, and a process killed while it holds that lock leaves the others waiting for ever.
    """

    disable = True

    def _nothing(self, *values, **options):
        pass

    update = set_description_str = set_postfix_str = close = _nothing
