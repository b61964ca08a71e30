"""The layers, one kind in each file."""

from backprop.layers.activation import ReLU, Sigmoid, Tanh
from backprop.layers.linear import Bias, Linear
from backprop.layers.shape import Flatten
from backprop.layers.softmax import LogSoftmax, Softmax
