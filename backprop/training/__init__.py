"""Training: data, the loop and its recorded step, checkpoints, and checks before and during a run."""
