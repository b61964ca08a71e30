"""A network that explains itself: one row for each layer, forward and backward."""

from backprop.show.explain.explanation import Explanation, Row
from backprop.show.explain.watching import explain
