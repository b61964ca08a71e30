"""Copies and pickles of a module leave out what its last call left behind; a bare copy leaves out the hooks, too."""

import copy

from backprop.module.hooks import Hooks


class Copied:
    """The part of Module that is copied, and read from a pickle."""

    def bare_copy(self, memo=None):
        """A deep copy without hooks, to run it unobserved. Copies with one `memo` share what their originals share."""
        memo = {} if memo is None else memo
        memo |= {id(module._hooks): Hooks() for module in self.modules()}  # hooks are not copied: they may hold a file
        twin = copy.deepcopy(self, memo)
        for module in twin.modules():
            vars(module).pop("_hooks", None)
        return twin

    def __getstate__(self):
        """All attributes but the last call go into a copy or a pickle."""
        return {name: value for name, value in vars(self).items() if name != "call"}

    def __setstate__(self, state):
        for name, value in state.items():
            setattr(self, name, value)  # not vars(self).update: parameters note where they are used
