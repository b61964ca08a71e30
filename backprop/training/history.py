"""The record of a training run."""

import dataclasses
import math


@dataclasses.dataclass
class Epoch:
    """One pass over the training set: mean loss and accuracy during training, then on the test set; seconds.

    A mean over nothing is NaN, and so is an accuracy where the targets are not labels.
    """

    train_loss: float
    train_accuracy: float
    test_loss: float | None
    test_accuracy: float | None
    seconds: float


@dataclasses.dataclass
class History:
    """What `fit` did: loss and right answers of every step, each finished Epoch, and whether Ctrl-C ended it.

    terms, answers   what the mean in each step's loss divided by, and how many answers it had: ignored labels count in
                     neither
    """

    losses: list = dataclasses.field(default_factory=list)
    correct: list = dataclasses.field(default_factory=list)
    epochs: list = dataclasses.field(default_factory=list)
    first_epoch: int = 0  # the loader's number of the first epoch
    interrupted: bool = False
    terms: list = dataclasses.field(default_factory=list)
    answers: list = dataclasses.field(default_factory=list)
    best: dict | None = None  # the state of the network after its best epoch, where `keep_best` asks for it

    @property
    def best_epoch(self):
        """The number, from 0, of the epoch with the lowest test loss, the first of equals; None if there is none."""
        tested = [(e.test_loss, n) for n, e in enumerate(self.epochs) if e.test_loss is not None]
        return min((pair for pair in tested if not math.isnan(pair[0])), default=(0, None))[1]


class Tally:
    """The mean loss and the accuracy over batches. Each term, and each answer, counts once, however they are cut."""

    def __init__(self):
        self.total, self.terms, self.right, self.answers = 0.0, 0, 0, 0

    def add(self, total, terms, right, answers):
        """Add a batch: the sum of its losses, what their mean divides by, its right answers, and of how many."""
        self.total, self.terms = self.total + total, self.terms + terms
        self.right, self.answers = self.right + right, self.answers + answers

    @property
    def loss(self):
        return self.total / self.terms if self.terms else math.nan

    @property
    def accuracy(self):
        return self.right / self.answers if self.answers else math.nan
