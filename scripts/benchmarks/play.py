"""A player's process: it reads what to do from its standard input, a line of JSON at a time, and answers in kind.

python -m benchmarks.play PLAYER        from the folder scripts/, as `turns` does
"""

import importlib
import json
import sys
import time

import numpy as np


def main(name):
    try:
        player = importlib.import_module(f"benchmarks.players.{name}")
    except ImportError as error:
        answer({"missing": str(error)})
        return
    answer({"ready": True})
    run = None
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "prepare":
            work = getattr(player, order["kind"], lambda *sizes: None)(*order["sizes"])
            if work is None:
                answer({"able": False})
                continue
            run, result = work
            for _ in range(3):
                run()
            np.savez(order["file"], *[np.array(array) for array in result()])
            answer({"able": True})
        else:
            start = time.perf_counter()
            for _ in range(order["times"]):
                run()
            answer({"seconds": (time.perf_counter() - start) / order["times"]})


def answer(message):
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
