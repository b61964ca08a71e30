"""Ctrl-C between two steps, not within one: what is kept is then a state from which training can go on."""

import signal
import threading


class Interrupt:
    """Within `with Interrupt() as interrupt:` Ctrl-C only sets `interrupt.asked`; `obey()` raises KeyboardInterrupt.

    A second Ctrl-C does not wait. Outside the main thread, or where a program handles Ctrl-C itself, nothing changes.
    """

    def __init__(self):
        self.asked = False
        self._mine = False

    def obey(self):
        """Raise KeyboardInterrupt if it was asked for."""
        if self.asked:
            raise KeyboardInterrupt

    def _ask(self, *_):
        self.obey()
        self.asked = True

    def __enter__(self):
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._ask)
            self._mine = True
        return self

    def __exit__(self, *exception):
        if self._mine:
            signal.signal(signal.SIGINT, signal.default_int_handler)
