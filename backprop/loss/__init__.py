"""Losses: forward gives L, backward gives the first delta."""

from backprop.loss.base import Loss
from backprop.loss.classification import CrossEntropyLoss, NLLLoss
from backprop.loss.ctc import CTCLoss
from backprop.loss.formulas import (
    CosineEmbeddingLoss,
    GaussianNLLLoss,
    HingeEmbeddingLoss,
    MarginRankingLoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    SoftMarginLoss,
    TripletMarginLoss,
)
from backprop.loss.probability import BCELoss, BCEWithLogitsLoss, KLDivLoss
from backprop.loss.regression import HuberLoss, L1Loss, MSELoss, PoissonNLLLoss, SmoothL1Loss
