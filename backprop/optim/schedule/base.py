"""What all schedules share: where they stand, and each group's lr there.

Several may step on one optimizer, and a hand may set its lr between two steps. So a schedule remembers the lr that it
gave last. Where it finds another one, somebody else has changed it, and that change stays: base becomes what would have
led to the lr that is there now. For a warm-up and a cosine the lr is then the product of both, as in PyTorch.
"""

import math

import numpy as np

from backprop.errors import CheckpointError, OptionError
from backprop.module.options import REAL
from backprop.optim.base import expect_told, numbers_of, told


class LRScheduler:
    """The base of schedules: each group's lr follows from the lr it began with and t, the number of `step`s.

    A subclass writes `lr(base, t)`, which is linear in base.
    """

    absolute = False  # whether it sets lr whatever anybody else has made of it

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.base_lrs = self.get_last_lr()
        self.last_epoch = 0  # PyTorch's name for t, whatever a step stands for
        self.apply()

    def lr(self, base, t):
        raise NotImplementedError(f"{type(self).__name__} has no lr")

    def step(self):
        """One step on."""
        t = self.last_epoch
        for place, (lr, given) in enumerate(zip(self.get_last_lr(), self.given, strict=True)):
            if lr != given and not self.absolute:
                self.base_lrs[place] = self._base_of(lr, t, self.base_lrs[place])
        self.last_epoch = t + 1
        self.apply()

    def _base_of(self, lr, t, otherwise):
        """The base that leads to this lr at step t; `otherwise` where each one leads to the same."""
        at_0, at_1 = self.lr(0.0, t), self.lr(1.0, t)
        return (lr - at_0) / (at_1 - at_0) if at_1 != at_0 else otherwise

    def steps_left(self):
        """How many steps it can still take: without end, unless it says otherwise."""
        return math.inf

    def get_last_lr(self):
        """The lr of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def apply(self):
        """Give every group the lr of step t."""
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = max(self.lr(base, self.last_epoch), 0.0)  # a line may go on below 0
        self.given = self.get_last_lr()

    def state_dict(self):
        """Name -> array: where the schedule stands."""
        state = {"last_epoch": np.array(self.last_epoch), "base_lrs": np.array(self.base_lrs, float)}
        state |= {"given": np.array(self.given, float), "lr": np.array(self.get_last_lr(), float)}
        return {**state, "kind": told(self), **self._options()}

    def _options(self):
        """Name -> array of the numbers that its formula has beside base and t."""
        return {
            f"option.{name}": np.array(value, float)
            for name, value in vars(self).items()
            if isinstance(value, REAL) and name != "last_epoch"
        }

    def load_state_dict(self, saved):
        """Stand where the schedule stood whose state_dict this is.

        Raises CheckpointError, with the schedule as it was, for one of another kind, with other options, or of another
        number of groups, and for what is no place in a schedule.
        """
        saved = numbers_of(saved)
        expect_told(self, saved)
        groups, own = len(self.base_lrs), self._options()
        missing = sorted({"last_epoch", "base_lrs"} - saved.keys())
        if missing:
            raise CheckpointError(f"what it holds does not fit together: the schedule's {missing[0]} is missing")
        t, bases = saved["last_epoch"], saved["base_lrs"]
        given, lrs = (saved.get(name, bases) for name in ("given", "lr"))
        if not bases.shape == given.shape == lrs.shape == (groups,):
            raise CheckpointError(f"a schedule of {bases.size} groups, this optimizer has {groups}")
        if t.shape != () or t.dtype.kind not in "iu" or t < 0 or not np.isfinite(bases).all():
            raise CheckpointError(f"no schedule can be at step {t.tolist()!r} with lr {bases.tolist()}")
        for name, value in own.items():
            if not np.array_equal(saved.get(name, value), value):
                was, now = (" ".join(f"{number:g}" for number in array.flat) for array in (saved[name], value))
                raise CheckpointError(f"{name.removeprefix('option.')} was {was}, now {now}")
        before = self.base_lrs, self.last_epoch
        self.base_lrs, self.last_epoch = bases.tolist(), int(t)
        try:
            self.apply()
        except OptionError as error:
            self.base_lrs, self.last_epoch = before
            self.apply()
            raise CheckpointError(f"no schedule can be at step {int(t)}: {error}") from None
        if "given" in saved:
            self.given = given.tolist()
        if "lr" in saved:  # which may have been set by hand, or by another schedule, since
            for group, lr, own in zip(self.optimizer.param_groups, lrs.tolist(), self.given, strict=True):
                if lr != own:
                    group["lr"] = lr
