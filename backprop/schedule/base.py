"""What all schedules share: where they stand, and each group's lr there."""

import numpy as np

from backprop.errors import CheckpointError


class LRScheduler:
    """The base of schedules: each group's lr follows from the lr it began with and t, the number of `step`s.

    A subclass writes `lr(base, t)`.
    """

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.last_epoch = 0  # PyTorch's name for t, whatever a step stands for
        self.apply()

    def lr(self, base, t):
        raise NotImplementedError(f"{type(self).__name__} has no lr")

    def step(self):
        """One step on."""
        self.last_epoch += 1
        self.apply()

    def get_last_lr(self):
        """The lr of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def apply(self):
        """Give every group the lr of step t."""
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.lr(base, self.last_epoch)

    def state_dict(self):
        """Name -> array: where the schedule stands."""
        return {"last_epoch": np.array(self.last_epoch), "base_lrs": np.array(self.base_lrs, float)}

    def load_state_dict(self, saved):
        """Stand where the schedule stood whose state_dict this is. CheckpointError for another number of groups."""
        bases = np.asarray(saved["base_lrs"]).tolist()
        if len(bases) != len(self.base_lrs):
            raise CheckpointError(f"a schedule of {len(bases)} groups, this optimizer has {len(self.base_lrs)}")
        self.base_lrs, self.last_epoch = bases, int(saved["last_epoch"])
        self.apply()
