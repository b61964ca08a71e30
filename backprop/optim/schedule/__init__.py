"""Learning-rate schedules: how lr changes as training goes on. `step()` after each optimizer step, or each epoch.

    StepLR (44), LinearLR (47), CosineAnnealingLR (45)     down from where lr began, each in its own way
    OneCycleLR (46)                                        up and down once, momentum the other way

In the formulas base is the lr that a group began with, t the number of `step`s since; of OneCycleLR, (t0, y0) and
(t1, y1) are two corners of its curve.
"""

from backprop.optim.schedule.base import LRScheduler
from backprop.optim.schedule.decay import CosineAnnealingLR, LinearLR, StepLR
from backprop.optim.schedule.one_cycle import OneCycleLR
