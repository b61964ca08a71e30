"""Learning-rate schedules: how lr changes as training goes on. `step()` after each optimizer step, or each epoch.

    StepLR               lr = base gamma^floor(t / step_size)                                              (44)
    CosineAnnealingLR    lr = eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2                       (45)
    OneCycleLR           lr = y0 + (y1 - y0) (1 - cos(pi (t - t0) / (t1 - t0))) / 2                        (46)
                         between the corners (t0, y0), (t1, y1) of its curve; momentum likewise, the other way
    LinearLR             lr = base (start_factor + (end_factor - start_factor) min(t / total_iters, 1))    (47)

base is the lr that a group began with, t the number of `step`s since.
"""

from backprop.schedule.base import LRScheduler
from backprop.schedule.decay import CosineAnnealingLR, LinearLR, StepLR
from backprop.schedule.one_cycle import OneCycleLR
