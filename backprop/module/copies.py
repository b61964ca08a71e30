"""Copies and pickles of a module hold the module alone, without hooks and without what its last call left behind."""

import copy

from backprop.module.hooks import Hooks


class Copied:
    """The part of Module that is copied, and read from a pickle."""

    def bare_copy(self, memo=None):
        """A deep copy without hooks: for looking at what it does unseen. Copies made with one `memo` share parts."""
        memo = {} if memo is None else memo
        memo |= {id(module._hooks): Hooks() for module in self.modules()}  # hooks are not copied: they may hold a file
        twin = copy.deepcopy(self, memo)
        for module in twin.modules():
            vars(module).pop("_hooks", None)
        return twin

    def __getstate__(self):
        """A copy or a pickle of a module is the module alone, without what its last call left behind."""
        return {name: value for name, value in vars(self).items() if name != "call"}

    def __setstate__(self, state):
        for name, value in state.items():
            setattr(self, name, value)  # which counts the owners of parameters
