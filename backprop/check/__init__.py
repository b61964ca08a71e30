"""Whether a backward is right: finite differences, the gradient check and its report, the diagnosis of a mistake."""
