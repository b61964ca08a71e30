"""Training: data, the loop and its recorded step, what it keeps, and what it refuses or tells."""
