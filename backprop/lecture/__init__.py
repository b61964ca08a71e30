"""What goes with the lecture: its formulas, examples of all layers, the companion page, the exercises."""
