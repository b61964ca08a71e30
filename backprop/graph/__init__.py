"""The computational graph: values that remember what they were computed from, and adjoints that are passed back."""

from backprop.graph.expression import Expression
from backprop.graph.modes import ancestry, forward, handed_down, reverse
from backprop.graph.module_call import ModuleCall
from backprop.graph.network import Graph
from backprop.graph.operations import OPERATIONS
from backprop.graph.value import Value
