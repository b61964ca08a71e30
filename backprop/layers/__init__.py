"""The layers, one kind in each file."""

from backprop.layers.activation import ReLU, Sigmoid, Tanh
from backprop.layers.bias import Bias
from backprop.layers.linear import Linear
from backprop.layers.shape import Flatten
from backprop.layers.softmax import LogSoftmax, Softmax
