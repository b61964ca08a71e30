"""Hooks observe a module as it runs: before and after its forward, before and after its backward.

A hook that returns anything but None raises HookError, so that what a reader sees in a layer's file is what happens. It
is given the arrays themselves, not copies, and must not write to them.
"""

from backprop.errors import HookError


class Hooks:
    """The hooks of one module, each kind in order of registration."""

    def __init__(self):
        self.before_forward, self.after_forward, self.before_backward, self.after_backward = {}, {}, {}, {}

    @staticmethod
    def run(hooks, *seen):
        for hook in tuple(hooks.values()):
            if hook(*seen) is not None:
                name = getattr(hook, "__name__", repr(hook))
                error = HookError(f"the hook {name} returned a value; a hook must return None")
                raise error.named(type(seen[0]).__name__)


class HookHandle:
    """What registering a hook returns; `remove()` unregisters the hook."""

    def __init__(self, hooks, hook):
        self._hooks = hooks
        hooks[self] = hook

    def remove(self):
        self._hooks.pop(self, None)


class Hooked:
    """The part of Module that registers hooks. Each `register_...` returns a handle with `remove()`."""

    _hooks = Hooks()  # shared and empty, until a module registers its first hook

    def register_forward_pre_hook(self, hook):
        """`hook(module, inputs)` before each forward."""
        return HookHandle(self._own_hooks().before_forward, hook)

    def register_forward_hook(self, hook):
        """`hook(module, inputs, output)` after each forward. Unlike PyTorch's it may not replace the output."""
        return HookHandle(self._own_hooks().after_forward, hook)

    def register_full_backward_pre_hook(self, hook):
        """`hook(module, delta)` before each backward."""
        return HookHandle(self._own_hooks().before_backward, hook)

    def register_full_backward_hook(self, hook):
        """`hook(module, delta_below, delta)` after each backward: what it returned, and what it was given."""
        return HookHandle(self._own_hooks().after_backward, hook)

    def _own_hooks(self):
        if "_hooks" not in vars(self):
            self._hooks = Hooks()
        return self._hooks
