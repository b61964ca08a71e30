"""What a training run remembers of itself."""

import dataclasses


@dataclasses.dataclass
class Epoch:
    """One pass over the training set: mean loss and accuracy while it was learned, then on the test set; seconds.

    An accuracy is NaN where the targets are not labels.
    """

    train_loss: float
    train_accuracy: float
    test_loss: float | None
    test_accuracy: float | None
    seconds: float


@dataclasses.dataclass
class History:
    """What `fit` did: loss and right answers of every step, each finished Epoch, and whether Ctrl-C ended it."""

    losses: list = dataclasses.field(default_factory=list)
    correct: list = dataclasses.field(default_factory=list)
    epochs: list = dataclasses.field(default_factory=list)
    first_epoch: int = 0  # the loader's number of the first one
    interrupted: bool = False
