"""Hooks look on while a module runs: before its forward, after its forward, after its backward.

They see everything and change nothing: a hook that returns anything but None is refused, so that what a reader sees
in a layer's file is what happens.
"""

from backprop.errors import HookError


class Hooks:
    """The hooks of one module, of each kind in the order of their registration."""

    def __init__(self):
        self.before_forward, self.after_forward, self.after_backward = {}, {}, {}

    @staticmethod
    def run(hooks, *seen):
        for hook in tuple(hooks.values()):
            if hook(*seen) is not None:
                name = getattr(hook, "__name__", repr(hook))
                raise HookError(f"the hook {name} returned a value; a hook looks on and returns None")


class HookHandle:
    """What registering a hook returns; `remove()` takes the hook off again."""

    def __init__(self, hooks, hook):
        self._hooks = hooks
        hooks[self] = hook

    def remove(self):
        self._hooks.pop(self, None)
