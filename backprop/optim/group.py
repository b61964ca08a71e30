"""A group of parameters with options of its own, such as a lower lr for the first layers."""

import difflib
import math

from backprop.errors import OptionError


def options_of(group):
    """A group's options: all but its parameters."""
    return {name: value for name, value in group.items() if name != "params"}


class Group(dict):
    """A group of parameters and its options, which are checked when set: group["lr"] = nan raises OptionError."""

    check = None  # until an optimizer holds it

    def __init__(self, values, check):
        super().__init__(values)
        self.check = check
        check(**options_of(self))

    def __setitem__(self, name, value):
        if name == "lr" and type(value) is float and 0 <= value < math.inf:  # fast: schedules set it every step
            super().__setitem__(name, value)
        else:
            self.update({name: value})

    def update(self, *others, **options):
        """Set all of them or, if they are invalid together, none."""
        others = dict(*others, **options)
        if self.check is not None:
            own = options_of(self)
            for name in (name for name in others if name not in self):
                near = difflib.get_close_matches(name, own, 1)
                cure = f"; did you mean {near[0]!r}?" if near else ""
                raise OptionError(f"there is no option {name!r}, only {', '.join(map(repr, own))}{cure}")
            self.check(**{**own, **options_of(others)})
        super().update(others)

    def __ior__(self, others):
        self.update(others)
        return self

    def __getstate__(self):
        """A copy gets its check from the optimizer that holds it."""
