"""One colour for each thing, in all pictures: values run forward in blue, deltas and adjoints back in orange."""

BLUE, ORANGE, GREEN, GREY = "#2563a8", "#d9730d", "#2e8b57", "#8a8f98"
PAPER = "#f3f5f8"
