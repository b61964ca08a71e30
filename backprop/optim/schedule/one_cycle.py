"""One cycle: lr goes up and down once, momentum down and up."""

import math

import numpy as np

from backprop.errors import OptionError
from backprop.module.options import above_zero, number, probability, whole
from backprop.optim.schedule.base import LRScheduler


class OneCycleLR(LRScheduler):
    """One cycle over `total_steps`, or epochs * steps_per_epoch (Smith, 2018): warm up, then cool down.

        (46)   lr = y0 + (y1 - y0) (1 - cos(pi (t - t0) / (t1 - t0))) / 2      from one corner to the next

    For the first pct_start of the steps lr rises from max_lr / div_factor to max_lr, for the rest it falls to
    max_lr / div_factor / final_div_factor, each along half a cosine, or a straight line with anneal_strategy='linear'.
    With `three_phase` it first falls back to its initial value, as slowly as it rose. Momentum (SGD's, or Adam's beta1)
    goes the other way, from max_momentum to base_momentum and back, unless cycle_momentum is False.

    Raises OptionError in a step after the last.
    """

    def __init__(
        self,
        optimizer,
        max_lr,
        total_steps=None,
        epochs=None,
        steps_per_epoch=None,
        pct_start=0.3,
        anneal_strategy="cos",
        cycle_momentum=True,
        base_momentum=0.85,
        max_momentum=0.95,
        div_factor=25.0,
        final_div_factor=1e4,
        three_phase=False,
    ):
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise OptionError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        whole("total_steps", total_steps, 1)
        probability("pct_start", pct_start)
        above_zero("div_factor", div_factor), above_zero("final_div_factor", final_div_factor)
        groups = optimizer.param_groups
        max_lrs = list(max_lr) if isinstance(max_lr, (list, tuple)) else [max_lr] * len(groups)
        if len(max_lrs) != len(groups):
            raise OptionError(f"max_lr must be one number, or one for each of {len(groups)} groups, got {max_lr}")
        if anneal_strategy not in ("cos", "linear"):
            raise OptionError(f"anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self.total_steps, self.anneal_strategy, self.cycle_momentum = total_steps, anneal_strategy, cycle_momentum
        up, low, least = pct_start * total_steps, 1 / div_factor, 1 / div_factor / final_div_factor
        if three_phase:
            ends, heights = (up - 1, 2 * up - 2, total_steps - 1), (low, 1, low, least)
            momenta = (max_momentum, base_momentum, max_momentum, max_momentum)
        else:
            ends, heights, momenta = (
                (up - 1, total_steps - 1),
                (low, 1, least),
                (max_momentum, base_momentum, max_momentum),
            )
        self.turns = list(zip((0, *ends), heights, momenta, strict=True))  # (t, lr / max_lr, momentum) of each corner
        for group, most in zip(groups, max_lrs, strict=True):
            group["lr"] = number("max_lr", most, 0)
            if cycle_momentum and "betas" not in group and "momentum" not in group:
                raise OptionError("this optimizer has no momentum to cycle: use cycle_momentum=False")
        super().__init__(optimizer)

    absolute = True

    def lr(self, base, t):
        return base * self._between(t, 1)

    def steps_left(self):
        return self.total_steps - self.last_epoch

    def apply(self):
        super().apply()
        if not self.cycle_momentum:
            return
        momentum = self._between(self.last_epoch, 2)
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum

    def _options(self):
        more = {"turns": self.turns, "along_cosines": self.anneal_strategy == "cos"}
        return {**super()._options(), **{f"option.{name}": np.array(value, float) for name, value in more.items()}}

    def _between(self, t, column):
        """The height of the curve at t, interpolated between the corners on either side."""
        if t > self.total_steps:
            raise OptionError(f"the cycle of {self.total_steps} steps is over")
        for before, after in zip(self.turns, self.turns[1:], strict=False):
            if t <= after[0] or after is self.turns[-1]:
                part = (t - before[0]) / (after[0] - before[0]) if after[0] != before[0] else 0  # (46)
                if self.anneal_strategy == "cos":
                    part = (1 - math.cos(math.pi * part)) / 2  # (46)
                return before[column] + (after[column] - before[column]) * part  # (46)
        raise AssertionError("the last turn takes every t")
