"""backprop: backpropagation you can read. Layers with explicit adjoints, checked and fast.

>>> import numpy as np, backprop as bp
>>> bp.manual_seed(0)
>>> net, loss = bp.Sequential(bp.Linear(4, 8), bp.ReLU(), bp.Linear(8, 3)), bp.CrossEntropyLoss()
>>> sgd = bp.SGD(net.parameters(), lr=0.5)
>>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
>>> for step in range(100):
...     L = loss(net(x), y)
...     sgd.zero_grad()
...     delta = net.backward(loss.backward())
...     sgd.step()
>>> L < 0.05
True
"""

from backprop import functional
from backprop.data import DataLoader
from backprop.errors import (
    BackpropError,
    CallOrderError,
    CheckpointError,
    DeviceError,
    DTypeError,
    GradientError,
    HookError,
    LabelError,
    NonFiniteError,
    OptionError,
    ParameterError,
    ShapeError,
)
from backprop.gradcheck import gradcheck
from backprop.kernels import get_num_threads, set_num_threads, use_kernels
from backprop.layers import Bias, Flatten, Linear, LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from backprop.loss import CrossEntropyLoss, L1Loss, Loss, MSELoss
from backprop.module import Module
from backprop.optim import SGD, Optimizer
from backprop.parameter import Parameter
from backprop.rng import manual_seed
from backprop.schedule import LinearLR, LRScheduler
from backprop.sequential import Sequential
from backprop.show.summary import summary
