"""The lecture's networks, and the blocks that some of them are made of."""

from backprop.models.networks import MODELS, bias, branches, cnn, lenet, linear, mlp, recurrent, residual
