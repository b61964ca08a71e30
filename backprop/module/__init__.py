"""What every layer is made of: a Module, its tree of parameters and children, hooks, random streams, options."""

from backprop.module.module import Module
from backprop.module.parameter import Buffer, Parameter
