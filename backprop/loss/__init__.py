"""Losses: forward gives L, backward gives the first delta."""

from backprop.loss.base import Loss
from backprop.loss.classification import CrossEntropyLoss, NLLLoss
from backprop.loss.probability import BCELoss, BCEWithLogitsLoss, KLDivLoss
from backprop.loss.regression import HuberLoss, L1Loss, MSELoss, SmoothL1Loss
