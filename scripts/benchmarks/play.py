"""A player's process: it reads what to do from its standard input, a line of JSON at a time, and answers in kind.

python -m benchmarks.play PLAYER        from the folder scripts/, as `turns` does
"""

import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np


def main(name):
    try:
        player = importlib.import_module(f"benchmarks.players.{name}")
    except ImportError as error:
        answer({"missing": str(error)})
        return
    answer({"ready": True})
    run, finish = None, []
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "prepare":
            work = getattr(player, order["kind"], lambda *sizes: None)(*order["sizes"])
            if work is None:
                answer({"able": False})
                continue
            run, result, *finish = work  # work on a GPU continues after run() has returned
            for _ in range(order["before"]):
                run()
            np.savez(order["file"], *[np.array(array) for array in result()])
            answer({"able": True})
        elif order["do"] == "peak":
            answer({"bytes": peak_memory()})
        else:
            start = time.perf_counter()
            while time.perf_counter() - start < order["warm"]:
                run()
            start = time.perf_counter()
            for _ in range(order["times"]):
                run()
            for wait in finish:
                wait()
            answer({"seconds": (time.perf_counter() - start) / order["times"]})


def peak_memory():
    """The most bytes that this process has had in memory at one time."""
    status = Path("/proc/self/status")  # on Linux getrusage also counts what the process was before it became Python
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def answer(message):
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
