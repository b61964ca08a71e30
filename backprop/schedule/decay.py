"""Schedules that lead lr from where it began to less: by steps, along a cosine, along a line."""

import math

from backprop.errors import OptionError
from backprop.schedule.base import LRScheduler


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
