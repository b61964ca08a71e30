"""Ctrl-C, or another request to end the process, takes effect between two steps, not within one: the state that is
kept is then one from which training can resume.
"""

import signal
import threading

# Sent by Ctrl-C, by batch systems before they kill a process, and when a terminal is closed.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupt:
    """Within `with Interrupt() as interrupt:` Ctrl-C only sets `interrupt.asked`; `obey()` raises KeyboardInterrupt.

    tell    called when an interrupt is requested

    SIGTERM and SIGHUP are handled in the same way. A second signal takes effect at once. Outside the main thread, and
    for a signal that a program handles itself or ignores, nothing changes.
    """

    def __init__(self, tell=lambda: None):
        self.asked = False
        self._tell, self._before = tell, {}

    def obey(self):
        """Raise KeyboardInterrupt if an interrupt was requested."""
        if self.asked:
            raise KeyboardInterrupt

    def _ask(self, *_):
        self.obey()
        self.asked = True
        self._tell()

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *exception):
        for number, handler in self._before.items():
            signal.signal(number, handler)
