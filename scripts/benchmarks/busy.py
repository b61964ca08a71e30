"""Steps of training with one and two threads, on a quiet machine and beside processes that need its cores, too.

With another checkout of this engine, of the commit before, say, that one takes turns with this one.
"""

import contextlib
import os
import subprocess
import sys

from benchmarks import turns

MODELS = {"mlp128": 1000, "lenet": 300, "cnn32": 15}  # steps before it is timed: a list finds out who makes it fastest
LOADS = 0, 1, 2  # processes beside
SPIN = "x = 1.0\nwhile True: x *= 1.0000001"


@contextlib.contextmanager
def beside(count):
    """Within this block so many processes compute without a pause."""
    processes = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(rounds, other=None, models=MODELS, loads=LOADS, threads=(1, 2)):
    """(model, processes beside) -> {(whose, threads): Time}, `whose` being "ours" or "before"."""
    sources = {"ours": str(turns.SCRIPTS.parent)} | ({"before": os.path.abspath(other)} if other else {})
    rivals = {
        (whose, count): ("ours", {"PYTHONPATH": source}) for count in threads for whose, source in sources.items()
    }
    found = {}
    for model in models:
        players = [turns.Player(name, name[1], rivals, bound=False) for name in rivals]
        try:
            for load in loads:
                with beside(load):
                    # After so many steps another version's roundings have led its numbers elsewhere.
                    options = {"before": MODELS[model], "tolerance": 0.5 if other else 1e-3}
                    found[model, load] = turns.race(players, "step", (model,), rounds, **options)
        finally:
            for player in players:
                player.close()
    return found
