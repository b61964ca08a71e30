"""Learning-rate schedules: how lr changes as training goes on. `step()` after each optimizer step, or each epoch.

StepLR               lr = base gamma^floor(t / step_size)                                              (44)
CosineAnnealingLR    lr = eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2                       (45)
OneCycleLR           from low up to max_lr and down to almost nothing, momentum the other way          (46)
LinearLR             lr = base (start + (end - start) min(t / total_iters, 1))                         (47)
"""

from backprop.schedule.base import LRScheduler
from backprop.schedule.decay import CosineAnnealingLR, LinearLR, StepLR
from backprop.schedule.one_cycle import OneCycleLR
