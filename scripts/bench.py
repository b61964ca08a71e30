"""How fast this engine is, beside NumPy, PyTorch and JAX where they are installed, on this machine.

    python scripts/bench.py gemm        the matrix products of five networks, and squares
    python scripts/bench.py conv        convolutions alone, forward and backward
    python scripts/bench.py step        a step of training, five networks
    python scripts/bench.py ladder      what each idea in the kernels buys
    python scripts/bench.py all

The rivals run in turns and must compute the same numbers. A figure of 2.00 x says that the rival took twice as long.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import report, turns, workload
from benchmarks.ladder import ladder


def races(kind, todo, threads, rounds):
    """[(label, times)] of all works of one kind."""
    players = [turns.Player(name, threads) for name in turns.RIVALS]
    try:
        for player in players:
            if player.missing:
                print(f"without {player.name}: {player.missing}", file=sys.stderr)
        players = [player for player in players if not player.missing]
        found = []
        for label, sizes in todo:
            found.append((label, turns.race(players, kind, sizes, rounds)))
            best = min((t.median, name) for name, t in found[-1][1].items() if name != "ours")
            print(f"{kind} {label}: {best[0] / found[-1][1]['ours'].median:.2f} x ({best[1]})", file=sys.stderr)
        return found
    finally:
        for player in players:
            player.close()


def gemm():
    """The networks' products first, then squares."""
    works = [(f"{form} {n} x {o} x {i}", (form, n, o, i)) for form, n, o, i in workload.gemms()]
    return works + [(f"nn {n} x {n} x {n}", ("nn", n, n, n)) for n in workload.SQUARES]


def conv():
    return [
        (f"{c} to {o}, {taps}x{taps}, {size}x{size}, {direction}", (direction, c, o, taps, pad, size))
        for c, o, taps, pad, size in workload.CONVS
        for direction in ("forward", "input", "filters")
    ]


def step():
    return [(model, (model,)) for model in workload.MODELS]


RACES = {"gemm": gemm, "conv": conv, "step": step}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*RACES, "ladder", "all"])
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="threads of each player, one race for each")
    parser.add_argument("--rounds", type=int, default=11, help="turns of each player")
    parser.add_argument("--out", metavar="DIR", default="bench", help="where JSON and pictures go (default: bench)")
    options = parser.parse_args(arguments)
    out = Path(options.out)
    for kind in RACES if options.what == "all" else [options.what] * (options.what in RACES):
        for threads in options.threads:
            found = races(kind, RACES[kind](), threads, options.rounds)
            title = f"{kind}, {threads} thread{'s' if threads > 1 else ''}"
            report.print_races(title, found)
            content = {label: {name: time._asdict() for name, time in times.items()} for label, times in found}
            report.save(out, f"{kind}_{threads}", {"seconds": content})
            report.draw_races(out / f"{kind}_{threads}.png", f"{title}: {report.machine()}", found)
    if options.what in ("ladder", "all"):
        rungs = ladder(options.rounds)
        report.print_ladder(rungs)
        report.save(
            out,
            "ladder",
            {"rungs": [dict(zip(("ladder", "rung", "gflops", "threads"), r, strict=True)) for r in rungs]},
        )
        report.draw_ladder(out / "ladder.png", rungs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
