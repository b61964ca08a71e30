"""Learning-rate schedules: how lr changes as training goes on. `step()` after each optimizer step, or each epoch."""


class LRScheduler:
    """The base of schedules: group by group, lr = factor(t) * the lr that the group began with, t counting `step`s.

    A subclass writes `factor(t)`.
    """

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.last_epoch = 0  # PyTorch's name for t, whatever a step stands for
        self._apply()

    def factor(self, t):
        raise NotImplementedError(f"{type(self).__name__} has no factor")

    def step(self):
        """One step on."""
        self.last_epoch += 1
        self._apply()

    def get_last_lr(self):
        """The lr of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _apply(self):
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = base * self.factor(self.last_epoch)


class LinearLR(LRScheduler):
    """From start_factor to end_factor times lr in equal steps, over `total_iters` steps; then it stays there."""

    def __init__(self, optimizer, start_factor=1 / 3, end_factor=1.0, total_iters=5):
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def factor(self, t):
        done = min(t / self.total_iters, 1) if self.total_iters else 1
        return self.start_factor + (self.end_factor - self.start_factor) * done
