"""Learning-rate schedules: how lr changes as training goes on. `step()` after each optimizer step, or each epoch.

StepLR               lr = base gamma^floor(t / step_size)                                              (44)
CosineAnnealingLR    lr = eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2                       (45)
OneCycleLR           from low up to max_lr and down to almost nothing, momentum the other way          (46)
LinearLR             lr = base (start + (end - start) min(t / total_iters, 1))                         (47)
"""

import math

import numpy as np

from backprop.errors import CheckpointError, OptionError


class LRScheduler:
    """The base of schedules: each group's lr follows from the lr it began with and t, the number of `step`s.

    A subclass writes `lr(base, t)`.
    """

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.last_epoch = 0  # PyTorch's name for t, whatever a step stands for
        self.apply()

    def lr(self, base, t):
        raise NotImplementedError(f"{type(self).__name__} has no lr")

    def step(self):
        """One step on."""
        self.last_epoch += 1
        self.apply()

    def get_last_lr(self):
        """The lr of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def apply(self):
        """Give every group the lr of step t."""
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.lr(base, self.last_epoch)

    def state_dict(self):
        """Name -> array: where the schedule stands."""
        return {"last_epoch": np.array(self.last_epoch), "base_lrs": np.array(self.base_lrs, float)}

    def load_state_dict(self, saved):
        """Stand where the schedule stood whose state_dict this is. CheckpointError for another number of groups."""
        bases = np.asarray(saved["base_lrs"]).tolist()
        if len(bases) != len(self.base_lrs):
            raise CheckpointError(f"a schedule of {len(bases)} groups, this optimizer has {len(self.base_lrs)}")
        self.base_lrs, self.last_epoch = bases, int(saved["last_epoch"])
        self.apply()


class StepLR(LRScheduler):
    """gamma times the lr after every `step_size` steps.                                                   (44)"""

    def __init__(self, optimizer, step_size, gamma=0.1):
        if not step_size >= 1:
            raise OptionError(f"step_size must be at least 1, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def lr(self, base, t):
        return base * self.gamma ** (t // self.step_size)  # (44)


class CosineAnnealingLR(LRScheduler):
    """From lr down to eta_min along half a cosine, over T_max steps; then, as PyTorch's, up again.        (45)"""

    def __init__(self, optimizer, T_max, eta_min=0.0):
        if not T_max >= 1:
            raise OptionError(f"T_max must be at least 1, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def lr(self, base, t):
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2  # (45)


class LinearLR(LRScheduler):
    """From start_factor to end_factor times lr in equal steps, over `total_iters` steps; then it stays.   (47)"""

    def __init__(self, optimizer, start_factor=1 / 3, end_factor=1.0, total_iters=5):
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def lr(self, base, t):
        done = min(t / self.total_iters, 1) if self.total_iters else 1
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)  # (47)


class OneCycleLR(LRScheduler):
    """One cycle over `total_steps`, or epochs * steps_per_epoch (Smith, 2018): warm up, then cool down.   (46)

        for the first pct_start of the steps   from max_lr / div_factor to max_lr
        for the rest                           to max_lr / div_factor / final_div_factor

    each along half a cosine, or a straight line with anneal_strategy='linear'. `three_phase` comes down to where it
    began first, as slowly as it went up. Momentum (SGD's, or Adam's beta1) goes the other way, from max_momentum to
    base_momentum and back, unless cycle_momentum is False.

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
                raise OptionError("wants total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if not (total_steps >= 1 and 0 <= pct_start <= 1):
            raise OptionError(f"wants total_steps >= 1 and pct_start from 0 to 1, got {total_steps} and {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise OptionError(f"anneal_strategy is 'cos' or 'linear', got {anneal_strategy!r}")
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
        for group in optimizer.param_groups:
            group["lr"] = max_lr
            if cycle_momentum and "betas" not in group and "momentum" not in group:
                raise OptionError("this optimizer has no momentum to cycle: use cycle_momentum=False")
        super().__init__(optimizer)

    def lr(self, base, t):
        return base * self._between(t, 1)  # (46)

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

    def _between(self, t, column):
        """The height of the curve at t: between the two corners that t lies between."""
        if t > self.total_steps:
            raise OptionError(f"a cycle of {self.total_steps} steps is over")
        for before, after in zip(self.turns, self.turns[1:], strict=False):
            if t <= after[0] or after is self.turns[-1]:
                part = (t - before[0]) / (after[0] - before[0]) if after[0] != before[0] else 0
                if self.anneal_strategy == "cos":
                    part = (1 - math.cos(math.pi * part)) / 2
                return before[column] + (after[column] - before[column]) * part
        raise AssertionError("the last turn takes every t")
