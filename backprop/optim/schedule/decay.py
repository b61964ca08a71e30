"""Schedules that lower lr in steps or along a cosine, or change it along a line."""

import math

from backprop.module.options import number, probability, whole
from backprop.optim.schedule.base import LRScheduler


class StepLR(LRScheduler):
    """lr is multiplied by gamma after every `step_size` steps.

    (44)   lr = base gamma^floor(t / step_size)
    """

    def __init__(self, optimizer, step_size, gamma=0.1):
        whole("step_size", step_size, 1), number("gamma", gamma, 0)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def lr(self, base, t):
        return base * self.gamma ** (t // self.step_size)  # (44)


class CosineAnnealingLR(LRScheduler):
    """lr falls to eta_min along half a cosine over T_max steps; then, as in PyTorch, it rises again.

    (45)   lr = eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2
    """

    def __init__(self, optimizer, T_max, eta_min=0.0):
        whole("T_max", T_max, 1), number("eta_min", eta_min, 0)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def lr(self, base, t):
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2  # (45)


class LinearLR(LRScheduler):
    """lr goes from start_factor to end_factor times its initial value in `total_iters` equal steps, then stays.

    (47)   lr = base (start_factor + (end_factor - start_factor) min(t / total_iters, 1))
    """

    def __init__(self, optimizer, start_factor=1 / 3, end_factor=1.0, total_iters=5):
        probability("start_factor", start_factor)
        probability("end_factor", end_factor)
        whole("total_iters", total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def lr(self, base, t):
        done = min(t / self.total_iters, 1) if self.total_iters else 1
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)  # (47)
