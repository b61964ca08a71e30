"""Optimizers move parameters against their gradients."""

from backprop.optim.adagrad import Adagrad
from backprop.optim.adam import Adam, AdamW, NAdam
from backprop.optim.base import Optimizer
from backprop.optim.rmsprop import RMSprop
from backprop.optim.sgd import SGD
