"""Whether a list of calls is made faster by the team or by one thread alone: found out by trying, now and then.

On a quiet machine the team is faster, except for a list of a few microseconds. Beside other programs it may not be: a
helper that loses its core within a part keeps all others waiting. The numbers do not depend on the choice.
"""

TRY = 5  # how often the other way is tried; the first time, which finds the caches cold, does not count
SOON, LATER, CLEARLY = 100, 400, 1.3  # after how many lists it is tried again; later if it took clearly longer
NEW, MUCH = 0.1, 1.05  # the weight of a new time in the mean; how much longer it must be, to go the other way at once


class Pace:
    """The way in which a list is made at present, and the mean time that it takes each way."""

    def __init__(self):
        self.together, self._means = True, {}
        self._due, self._trial = TRY, []  # how many lists there are until the other way is tried; times of trying it

    def choose(self):
        """Whether to make the list together now. `took` is then told how long it took."""
        return self.together is (self._due > 0)

    def took(self, seconds):
        """Take in a time, and decide how to go on."""
        means, mine = self._means, self.together
        if self._due > 0:
            self._due -= 1
            means[mine] = means.get(mine, seconds) * (1 - NEW) + seconds * NEW
            if means[mine] > MUCH * means.get(not mine, means[mine]):
                self.together, self._due = not mine, LATER
            return
        self._trial.append(seconds)
        if len(self._trial) == TRY:
            means[not mine] = sum(self._trial[1:]) / (TRY - 1)
            self._trial.clear()
            self._due = LATER if means[not mine] > CLEARLY * means[mine] else SOON
            self.together = min(means, key=means.get)
