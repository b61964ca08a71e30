"""How fast several ranks train together, here, and by a model where there are more of them."""
