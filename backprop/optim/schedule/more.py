"""Schedules by a factor, by milestones, by a function of one's own; several in turn or at once; and by a loss.

base is a group's initial lr and t the number of `step`s since, as in __init__.py.
"""

import bisect
import math

import numpy as np

from backprop.errors import CheckpointError, OptionError
from backprop.module.options import number, whole
from backprop.optim.saved import numbers_of
from backprop.optim.schedule.base import LRScheduler


class ExponentialLR(LRScheduler):
    """lr = base gamma^t: multiplied by gamma after every step."""

    def __init__(self, optimizer, gamma):
        self.gamma = number("gamma", gamma, 0)
        super().__init__(optimizer)

    def lr(self, base, t):
        return base * self.gamma**t


class MultiStepLR(LRScheduler):
    """lr = base gamma^n, n the number of `milestones` that t has reached."""

    def __init__(self, optimizer, milestones, gamma=0.1):
        self.milestones = sorted(whole("a milestone", milestone) for milestone in milestones)
        self.gamma = number("gamma", gamma, 0)
        super().__init__(optimizer)

    def lr(self, base, t):
        return base * self.gamma ** bisect.bisect_right(self.milestones, t)

    def _options(self):
        return super()._options() | {"option.milestones": np.array(self.milestones, float)}


class LambdaLR(LRScheduler):
    """lr = base f(t), for a function f, or a list of one for each group of parameters."""

    def __init__(self, optimizer, lr_lambda):
        groups = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * groups
        if len(self.lr_lambdas) != groups:
            raise OptionError(f"expects a function for each of {groups} groups, got {len(self.lr_lambdas)}")
        super().__init__(optimizer)

    def apply(self):
        for group, base, f in zip(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas, strict=True):
            group["lr"] = base * f(self.last_epoch)
        self.given = self.get_last_lr()

    def step(self):
        """Advance by one step. An lr that was set by hand since is kept, as the factor that it is of this one's."""
        for place, (lr, given) in enumerate(zip(self.get_last_lr(), self.given, strict=True)):
            if lr != given and given:
                self.base_lrs[place] *= lr / given
        self.last_epoch += 1
        self.apply()


class SequentialLR(LRScheduler):
    """One schedule after the other: each of `schedulers` begins anew, from the first lr, at its milestone."""

    absolute = True

    def __init__(self, optimizer, schedulers, milestones):
        self.schedulers, self.milestones = list(schedulers), [whole("a milestone", each, 1) for each in milestones]
        if len(self.milestones) != len(self.schedulers) - 1 or sorted(set(self.milestones)) != self.milestones:
            raise OptionError(
                f"{len(self.schedulers)} schedulers need {len(self.schedulers) - 1} milestones, each larger than the "
                f"one before, got {self.milestones}"
            )
        if any(each.optimizer is not optimizer for each in self.schedulers):
            raise OptionError("its schedulers must have the same optimizer")
        _expect_plain(self.schedulers)
        first = self.schedulers[0].base_lrs
        for each in self.schedulers:  # not the lr that another one had already changed
            each.base_lrs = list(first)
        self.optimizer, self.base_lrs, self.last_epoch = optimizer, list(first), 0
        self.apply()

    def step(self):
        self.last_epoch += 1
        self.apply()

    def apply(self):
        place = bisect.bisect_right(self.milestones, self.last_epoch)
        active = self.schedulers[place]
        active.base_lrs = list(self.base_lrs)
        active.last_epoch = self.last_epoch - (self.milestones[place - 1] if place else 0)
        active.apply()
        self.given = self.get_last_lr()

    def steps_left(self):
        last = self.schedulers[-1]
        done = self.last_epoch - (self.milestones[-1] if self.milestones else 0)
        return math.inf if last.steps_left() == math.inf else last.steps_left() + last.last_epoch - done

    def _options(self):
        return {"option.milestones": np.array(self.milestones, float)}


class ChainedScheduler(LRScheduler):
    """Several schedules at once: lr is the product of their factors."""

    def __init__(self, schedulers):
        self.schedulers = list(schedulers)
        if not self.schedulers or any(each.optimizer is not self.schedulers[0].optimizer for each in self.schedulers):
            raise OptionError("expects schedulers of the same optimizer, at least one")
        _expect_plain(self.schedulers)
        self.optimizer = self.schedulers[0].optimizer

    @property
    def last_epoch(self):
        return self.schedulers[0].last_epoch

    def step(self):
        for each in self.schedulers:
            each.step()

    def steps_left(self):
        return min(each.steps_left() for each in self.schedulers)

    def state_dict(self):
        return {f"{n}.{name}": a for n, each in enumerate(self.schedulers) for name, a in each.state_dict().items()}

    def load_state_dict(self, saved):
        saved = numbers_of(saved)
        for n, each in enumerate(self.schedulers):
            own = {name.removeprefix(f"{n}."): a for name, a in saved.items() if name.startswith(f"{n}.")}
            each.load_state_dict(own)


def _expect_plain(schedulers):
    """Several schedules are of one kind each: in turn, or at once."""
    for each in schedulers:
        if not isinstance(each, LRScheduler) or isinstance(each, (SequentialLR, ChainedScheduler)):
            raise OptionError(f"{type(each).__name__} cannot be one of several schedules; write them side by side")


class ReduceLROnPlateau:
    """lr is multiplied by `factor` once a loss has not become smaller for more than `patience` calls of `step(loss)`.

    Smaller is: below (1 - threshold) times the best so far, or with `threshold_mode="abs"` below it by the threshold;
    `mode="max"` waits for something to become larger. After a reduction the next `cooldown` calls do not count. lr
    stays at least `min_lr`, and does not change by less than `eps`.
    """

    def __init__(
        self, optimizer, mode="min", factor=0.1, patience=10, threshold=1e-4, threshold_mode="rel", cooldown=0,
        min_lr=0.0, eps=1e-8,
    ):  # fmt: skip
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise OptionError(
                f"mode must be 'min' or 'max', threshold_mode 'rel' or 'abs', got {mode!r}, {threshold_mode!r}"
            )
        if not 0 <= factor < 1:
            raise OptionError(f"factor must be from 0 to below 1, got {factor}")
        self.optimizer, self.mode, self.factor, self.threshold_mode = optimizer, mode, factor, threshold_mode
        self.patience, self.cooldown = whole("patience", patience), whole("cooldown", cooldown)
        self.threshold, self.min_lr = number("threshold", threshold, 0), number("min_lr", min_lr, 0)
        self.eps = number("eps", eps, 0)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def step(self, metrics):
        """Take in a loss, or what else is to become smaller."""
        value = float(metrics)
        self.last_epoch += 1
        if self._better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            for group in self.optimizer.param_groups:
                new = max(group["lr"] * self.factor, self.min_lr)
                if group["lr"] - new > self.eps:
                    group["lr"] = new
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _better(self, value):
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "abs":
            return sign * value < sign * self.best - self.threshold
        return sign * value < sign * self.best * (1 - sign * self.threshold)

    def get_last_lr(self):
        """The lr of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self):
        """Name -> array."""
        counts = {name: np.array(getattr(self, name)) for name in COUNTS}
        return {"best": np.array(self.best), "lr": np.array(self.get_last_lr(), float), **counts}

    def load_state_dict(self, saved):
        """Load what `state_dict` returned. Raises CheckpointError for anything else."""
        saved = numbers_of(saved)
        if {"best", "lr", *COUNTS} != saved.keys() or saved["lr"].shape != (len(self.optimizer.param_groups),):
            raise CheckpointError("this is no state of ReduceLROnPlateau for this optimizer")
        self.best = float(saved["best"])
        for name in COUNTS:
            setattr(self, name, int(saved[name]))
        for group, lr in zip(self.optimizer.param_groups, saved["lr"].tolist(), strict=True):
            group["lr"] = lr


COUNTS = "num_bad_epochs", "cooldown_counter", "last_epoch"
