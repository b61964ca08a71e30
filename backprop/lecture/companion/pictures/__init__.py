"""The companion's pictures: arrays of a few numbers, computed now; whoever points at one sees what met in it.

`PICTURES` holds the functions that draw them by name; a moment of the timeline names one.
"""

from backprop.lecture.companion.pictures.attention import attention
from backprop.lecture.companion.pictures.graph import graph
from backprop.lecture.companion.pictures.layer import layer
from backprop.lecture.companion.pictures.recurrence import recurrence
from backprop.lecture.companion.pictures.scores import scores
from backprop.lecture.companion.pictures.window import window

PICTURES = {draw.__name__: draw for draw in (layer, scores, window, graph, recurrence, attention)}
