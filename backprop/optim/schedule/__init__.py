"""Learning-rate schedules: how lr changes during training. Call `step()` after each optimizer step, or each epoch.

    StepLR (44), LinearLR (47), CosineAnnealingLR (45)     in steps, along a line, along a cosine
    OneCycleLR (46)                                        up and down once, momentum the other way
    ExponentialLR, MultiStepLR, LambdaLR                   by a factor, at milestones, by a function
    SequentialLR, ChainedScheduler                         several in turn, or at once
    ReduceLROnPlateau                                      when a loss no longer falls: `step(loss)`, after each epoch

In the formulas base is a group's initial lr and t the number of `step`s since. (t0, y0) and (t1, y1) are two corners
of OneCycleLR's curve.
"""

from backprop.optim.schedule.base import LRScheduler
from backprop.optim.schedule.decay import CosineAnnealingLR, LinearLR, StepLR
from backprop.optim.schedule.more import (
    ChainedScheduler,
    ExponentialLR,
    LambdaLR,
    MultiStepLR,
    ReduceLROnPlateau,
    SequentialLR,
)
from backprop.optim.schedule.one_cycle import OneCycleLR
