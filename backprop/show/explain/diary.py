"""A network that explains itself while it learns: the same batch is explained again and again during training."""

import math
from pathlib import Path

from backprop.show.explain.pictures import over_depth, over_training
from backprop.show.explain.watching import explain

MOMENTS = 40  # at most, in a whole training run, and one at its end


class Diary:
    """Records what `explain` finds for one batch during training: pass it as `fit(after_step=diary)`.

    net, loss   are copied each time, so that training ends in the same bits with a diary and without
    x, y        the batch
    steps       of the whole run
    records     (step, Explanation) for each moment
    """

    def __init__(self, net, x, y, loss, steps):
        self.net, self.loss, self.x, self.y = net, loss, x, y
        self.steps, self.every, self.records = steps, max(1, math.ceil(steps / MOMENTS)), []

    def __call__(self, step):
        """To be called with the number of steps done."""
        if step % self.every == 0 or step == self.steps:
            self.records.append((step, explain(self.net, self.x, self.y, self.loss, repeats=0)))

    def write(self, out, title):
        """explain.html, explain.json and two pictures, into the folder `out`. Returns the last Explanation."""
        out, last = Path(out), explain(self.net, self.x, self.y, self.loss)
        last.save(out / "explain.html")
        last.save(out / "explain.json")
        before = {f"step {step}": explanation for step, explanation in self.records[:1]}
        over_depth({**before, "at the end": last}, out / "explain-depth.png", title)
        over_training(self.records, out / "explain-training.png", title)
        return last
