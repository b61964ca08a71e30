"""What all schedules share: their step count, and each group's lr at that step.

Several schedules may act on one optimizer, and a user may set its lr by hand. So a schedule remembers the lr that it
set last. If it finds another one, that change is kept: base becomes the value that would have led to the current lr.
With a warm-up and a cosine, lr is then the product of both, as in PyTorch.
"""

import math

import numpy as np

from backprop.errors import CheckpointError, OptionError
from backprop.module.options import REAL
from backprop.optim.saved import expect_kind, kind_of, numbers_of


class LRScheduler:
    """The base class of schedules: each group's lr follows from its initial lr and t, the number of `step`s.

    A subclass writes `lr(base, t)`, which is linear in base.
    """

    absolute = False  # whether it overrides changes that others made to lr

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.base_lrs = self.get_last_lr()
        self.last_epoch = 0  # PyTorch's name for t, even if a step is not an epoch
        self.apply()

    def lr(self, base, t):
        raise NotImplementedError(f"{type(self).__name__} has no lr")

    def step(self):
        """Advance by one step."""
        t = self.last_epoch
        for place, (lr, given) in enumerate(zip(self.get_last_lr(), self.given, strict=True)):
            if lr != given and not self.absolute:
                self.base_lrs[place] = self._base_of(lr, t, self.base_lrs[place])
        self.last_epoch = t + 1
        self.apply()

    def _base_of(self, lr, t, otherwise):
        """The base that leads to this lr at step t; `otherwise` if every base leads to the same lr."""
        at_0, at_1 = self.lr(0.0, t), self.lr(1.0, t)
        return (lr - at_0) / (at_1 - at_0) if at_1 != at_0 else otherwise

    def steps_left(self):
        """How many steps it can still take; without limit, unless a subclass sets one."""
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
        """Name -> array, for the state of the schedule."""
        state = {"last_epoch": np.array(self.last_epoch), "base_lrs": np.array(self.base_lrs, float)}
        state |= {"given": np.array(self.given, float), "lr": np.array(self.get_last_lr(), float)}
        return {**state, "kind": kind_of(self), **self._options()}

    def _options(self):
        """Name -> array, for the numbers in its formula besides base and t."""
        return {
            f"option.{name}": np.array(value, float)
            for name, value in vars(self).items()
            if isinstance(value, REAL) and name != "last_epoch"
        }

    def load_state_dict(self, saved):
        """Load what `state_dict` returned for a schedule of the same class and options.

        Raises CheckpointError, leaving the schedule unchanged, for another class, other options or another number of
        groups, and for a step at which this schedule cannot be.
        """
        saved = numbers_of(saved)
        expect_kind(self, saved)
        groups, own = len(self.base_lrs), self._options()
        missing = sorted({"last_epoch", "base_lrs"} - saved.keys())
        if missing:
            raise CheckpointError(f"its contents are inconsistent: the schedule's {missing[0]} is missing")
        t, bases = saved["last_epoch"], saved["base_lrs"]
        given, lrs = (saved.get(name, bases) for name in ("given", "lr"))
        if not bases.shape == given.shape == lrs.shape == (groups,):
            raise CheckpointError(f"the saved schedule has {bases.size} groups, this optimizer has {groups}")
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
