"""The network on the page: what is asked of it, one thing after the other, and how it learns in between.

One thread does all of it. Learning is a task that takes a few steps and puts itself at the end of the queue again, so
that a picture never waits longer than that for its answer.
"""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

import backprop as bp
from backprop.errors import OptionError
from backprop.kernels.device import to_host
from backprop.lecture.live import editor, wire
from backprop.lecture.live.accounts import account
from backprop.lecture.live.passes import Pass
from backprop.show.explain import explain
from backprop.training.preflight import expect_run

SLICE = 0.02  # seconds of learning at once
MOST_POINTS = 2000  # of the curve of losses


class Data(NamedTuple):
    """Images uint8 (N, C, H, W) and labels (N,), to learn from and to test on; names of the classes, if any."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    names: tuple = ()

    @property
    def classes(self):
        return max(int(self.train_labels.max()) + 1, len(self.names))


class Studio:
    """A network that learns from `data`, and answers.

    text       describes the network, in the editor's words; empty if `net` is one that has learned already
    prepare    makes a network's image, uint8 (C, H, W), of ink as it was drawn; None where nothing can be drawn
    """

    def __init__(self, data, text, net=None, prepare=None):
        self.data, self.prepare, self.image = data, prepare, data.train_images.shape[1:]
        self.names = [*data.names, *map(str, range(len(data.names), data.classes))]
        self._thread = ThreadPoolExecutor(1, "studio")
        self.left, self._learning = 0, False  # steps to go, and whether a task for them is in the queue
        self.built, self._twin, self._twin_of = 0, None, None  # how many networks there were; see `see`
        self.build(text, net)

    def do(self, task, *args):
        """A future of task(*args), done after what was asked before."""
        return self._thread.submit(task, *args)

    def close(self):
        self.left = 0
        self._thread.shutdown(cancel_futures=True)

    def build(self, text, net=None):
        """Take another network, described by a text, untrained. Raises OptionError, and keeps the one there is."""
        if net is None:
            described = editor.read(text, self.image, self.data.classes)
        else:
            optimizer = bp.SGD(net.parameters(), lr=0.01, momentum=0.9)
            described = editor.Described("# the network that was given", net, optimizer, 64, True)
        loader = bp.DataLoader(self.data.train_images, self.data.train_labels, described.batch_size, True, seed=0)
        few = bp.DataLoader(self.data.test_images[:64], self.data.test_labels[:64], 64)
        loss = bp.CrossEntropyLoss()
        allow = described.allow_wrong_classes
        expect_run(described.net, loss, described.optimizer, loader, few, None, len(loader), allow)
        bp.manual_seed(described.seed)
        self.left, self.described, self.net, self.built = 0, described, described.net, self.built + 1
        self.step = bp.compile(self.net, loss, check_finite=True, optimizer=described.optimizer)
        self.loader, self.batches = loader, iter(())
        self.steps, self.losses, self.every, self.said = 0, [], 1, ""

    def learn(self, steps):
        """Learn for so many steps from now on; 0 stops."""
        self.left, self.said = steps, ""
        if steps and not self._learning:
            self._learning = True
            self.do(self._some_steps)

    def _some_steps(self):
        until = time.perf_counter() + SLICE
        try:
            while self.left and time.perf_counter() < until:
                self._one_step()
        except Exception as error:
            self.left, self.said = 0, str(error) or type(error).__name__
        self._learning = self.left > 0
        if self._learning:
            self.do(self._some_steps)

    def _one_step(self):
        batch = next(self.batches, None)
        if batch is None:
            self.net.train()
            self.batches = self.step.batches(self.loader)
            batch = next(self.batches)
        L = self.step.train(*batch)
        self.steps, self.left = self.steps + 1, self.left - 1
        if self.steps % self.every == 0:
            self.losses.append((self.steps, float(L)))
        if len(self.losses) > MOST_POINTS:  # every second point is enough
            self.every, self.losses = 2 * self.every, self.losses[1::2]

    def hello(self):
        """What a page must know once."""
        return {
            "image": list(self.image),
            "names": self.names,
            "draws": self.prepare is not None,
            "tests": len(self.data.test_images),
            **self.status(),
        }

    def status(self):
        """What changes while it learns."""
        state = {"steps": self.steps, "left": self.left, "said": self.said, "built": self.built}
        return {**state, "text": self.described.text, "losses": self.losses, "epoch": len(self.loader)}

    def see(self, pixels, drawn, test, target, first=0, last=1 << 16):
        """(facts, arrays, the Pass) of an image: pixels in base64, or number `test` of the test images. The arrays are
        those of the rows `first` to `last`: while one draws, what is out of sight need not travel.
        """
        label = None
        if test >= 0:
            label, image = self.label(test), self.data.test_images[test]
        elif drawn and self.prepare:
            image = self.prepare(wire.pixels(pixels))
        else:
            image = wire.pixels(pixels, self.image)
        x, _ = bp.DataLoader(image[None], [0]).fetch([0])
        if self._twin_of != (self.net, self.steps):  # a copy serves until the network learns
            self._twin_of, self._twin = (self.net, self.steps), self.net.bare_copy().eval()
        way = Pass(self.net, x, None if target < 0 else target, self._twin)
        shares = np.exp(way.scores[0] - way.scores[0].max())
        facts = {"rows": way.facts(), "shares": (shares / shares.sum()).tolist(), "label": label, "target": target}
        sent = way.rows[first : last + 1]
        arrays = [a for row in sent for a in (row.value, row.delta, row.weights) if a is not None]
        facts |= {"steps": self.steps, "built": self.built}
        facts["parameters"] = sum(p.data.size for p in self.net.parameters())
        if last >= len(way.rows) or self.left:  # while one only draws, they stay the same
            filters = self._filters()
            facts["filters"] = None if filters is None else filters.shape
            arrays += [] if filters is None else [filters]
        return facts, arrays, way

    def label(self, test):
        """The label of test image number `test`. Raises OptionError if there is none."""
        if not 0 <= test < len(self.data.test_labels):
            raise OptionError(f"there are {len(self.data.test_labels)} test images, got number {test}")
        return int(self.data.test_labels[test])

    def _filters(self):
        """The first layer's weights as maps (O, H, W): filters, or what each unit of a linear layer compares with."""
        first = next((p.data for p in self.net.parameters() if p.data.ndim > 1), None)
        if first is None:
            return None
        if first.ndim == 4:
            return to_host(first).mean(axis=1)
        if first.ndim == 2 and first.shape[1] == math.prod(self.image):
            return to_host(first).reshape(-1, *self.image).mean(axis=1)
        return None

    def explain(self):
        """The table that `explain` prints, of a batch of test images, and its verdict."""
        some = slice(0, self.described.images)
        x, y = next(iter(bp.DataLoader(self.data.test_images[some], self.data.test_labels[some], some.stop)))
        seen = explain(self.net, x, y, bp.CrossEntropyLoss(), repeats=1)
        rows = [
            {
                "path": r.path,
                "formula": r.value,
                "norm": r.norm,
                "delta": r.delta,
                "gradient": r.gradient,
                "dead": r.dead,
            }
            for r in seen.rows
        ]
        return {"rows": rows, "verdict": seen.verdict(), "images": len(x), "loss": seen.loss}

    def ask(self, way, row, kind, entry):
        """Where a number of a Pass comes from."""
        if not (way and row < len(way.rows) and entry < np.size(way.rows[row].value)):
            raise OptionError("there is no such number: the network or the picture has changed")
        if kind == "delta" and way.rows[row].delta is None:
            raise OptionError("there is no delta yet: choose a class first")
        return account(way, row, kind, entry)
