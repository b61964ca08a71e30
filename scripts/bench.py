"""How fast this engine is, beside NumPy, PyTorch and JAX where they are installed, on this machine.

    python scripts/bench.py gemm        the matrix products of five networks, and squares
    python scripts/bench.py conv        convolutions alone, forward and backward
    python scripts/bench.py layer       every public layer and loss, forward and backward, called by hand
    python scripts/bench.py step        a step of training, five networks
    python scripts/bench.py loop        seven networks and four batch sizes, by the loop that one writes and recorded
    python scripts/bench.py epoch       an epoch, with all that belongs to it
    python scripts/bench.py memory      the peak memory of a process that trains for an epoch
    python scripts/bench.py start       the import, and the first step: the first time, a second time, changed a little
    python scripts/bench.py busy        steps with one and two threads, alone and beside one and two busy processes
    python scripts/bench.py depth       seconds and memory over the number of layers and the size of a batch
    python scripts/bench.py parallel    steps of several ranks, all-reduces, and what more machines should reach
    python scripts/bench.py ladder      what each idea in the kernels buys, and a second thread
    python scripts/bench.py all
    python scripts/bench.py cuda        on a GPU, beside PyTorch there: products, steps, an epoch, and the ladders

The rivals run in turns and must compute the same numbers. A figure of 2.00 x says that the rival took twice as long.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import busy, depth, layers, loops, report, start, turns, workload
from benchmarks.ladder import ladder, scaling
from benchmarks.parallel import measure as ranks
from benchmarks.parallel import pages

from backprop.errors import DeviceError
from data_tools import terminal


def races(kind, todo, threads, rounds, rivals=None, **options):
    """[(label, times)] of all works of one kind."""
    rivals = rivals or turns.RIVALS
    players = [turns.Player(name, threads, rivals) for name in rivals]
    try:
        for player in players:
            if player.missing:
                print(f"without {player.name}: {player.missing}", file=sys.stderr)
        players = [player for player in players if not player.missing]
        found = []
        for label, sizes in todo:
            times = turns.race(players, kind, sizes, rounds, **options)
            rivals = [(time.median, name) for name, time in times.items() if name != "ours"]
            if not rivals:
                print(f"{kind} {label}: nobody to race", file=sys.stderr)
                continue
            found.append((label, times))
            print(f"{kind} {label}: {min(rivals)[0] / times['ours'].median:.2f} x ({min(rivals)[1]})", file=sys.stderr)
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


def networks():
    return [(model, (model,)) for model in workload.MODELS]


RACES = {
    "gemm": gemm, "conv": conv, "layer": layers.works, "step": networks, "loop": loops.works, "epoch": networks,
}  # fmt: skip
LONG = {"epoch": {"before": 1, "tolerance": 5e-2}}  # works that are done less often; their rounding errors diverge


def race(out, kind, threads, rounds):
    """All works of a kind, as a table, a file and a picture."""
    rounds = min(rounds, 5) if kind in LONG else rounds
    found = races(kind, RACES[kind](), threads, rounds, **LONG.get(kind, {}))
    if not found:
        return
    title = f"{kind}, {threads} thread{'s' if threads > 1 else ''}"
    report.print_races(title, found)
    content = {label: {name: time._asdict() for name, time in times.items()} for label, times in found}
    report.save(out, f"{kind}_{threads}", {"seconds": content})
    draw = report.draw_layers if kind == "layer" else report.draw_races
    draw(out / f"{kind}_{threads}.png", f"{title}: {report.machine()}", found)


def memory(out, threads):
    """Each player trains each network for an epoch, in a process of its own."""
    peaks = {}
    for model in workload.MODELS:
        peaks[model] = {}
        for name in turns.RIVALS:
            player = turns.Player(name, threads)
            if not player.missing and player.prepare("epoch", (model,), before=1) is not None:
                peaks[model][name] = player.peak_memory()
            player.close()
    report.print_memory(peaks)
    report.save(out, "memory", {"bytes": peaks})


def begin(out, rounds):
    imports = start.imports(rounds)
    steps, changes, rivals = start.first_steps(), start.changes(), start.rivals()
    report.print_start(imports, steps, changes, rivals)
    steps = {model: {how: wait._asdict() for how, wait in found.items()} for model, found in steps.items()}
    changes = {what: wait._asdict() for what, wait in changes.items()}
    waits = {"first_step": steps, "changed": changes, "rivals_first_step_seconds": rivals}
    report.save(out, "start", {"import_seconds": imports, **waits})


def crowd(out, rounds, other):
    found = busy.measure(rounds, other)
    report.print_busy(found)
    content = [
        {"model": model, "beside": load, "whose": whose, "threads": count, **time._asdict()}
        for (model, load), times in found.items()
        for (whose, count), time in times.items()
    ]
    report.save(out, "busy", {"seconds": content})


def grow(out, rounds):
    growth = depth.measure(rounds)
    report.print_growth(growth, depth.slope)
    report.save(out, "depth", {name: dict(zip(*found, strict=True)) for name, found in growth.items()})
    report.draw_growth(out / "depth.png", growth, depth.slope)


def climb(out, rounds):
    rungs = ladder(rounds)
    report.print_ladder(rungs)
    names = "ladder", "rung", "gflops", "threads"
    scaled = scaling(rounds)
    report.print_scaling(scaled)
    scaled = [dict(zip(("what", "one", "all"), row, strict=True)) for row in scaled]
    report.save(out, "ladder", {"rungs": [dict(zip(names, rung, strict=True)) for rung in rungs], "scaling": scaled})
    report.draw_ladder(out / "ladder.png", rungs)


def together(out, rounds):
    if ranks.mpiexec() is None:
        print("error: there is no mpiexec: pip install -e '.[mpi]'", file=sys.stderr)
        return 1
    found, sizes = ranks.steps(rounds)
    pages.print_steps(found)
    reductions = ranks.reductions()
    pages.print_reductions(reductions)
    alone = ranks.settings()[0]
    compute = {model: times[alone] for (model, batch), times in found.items() if batch == 64}
    pages.print_predictions(compute, sizes)
    content = [
        {"model": model, "batch": batch, "setting": str(setting), "seconds": seconds}
        for (model, batch), times in found.items()
        for setting, seconds in times.items()
    ]
    report.save(out, "parallel", {"steps": content, "reductions": reductions, "bytes": sizes})
    pages.draw(out / "parallel.png", reductions, compute, sizes)
    return 0


def cuda(out, rounds):
    """All races on a GPU; the host's work for a step is measured for ours alone."""
    from benchmarks import gpu

    name = gpu.name()
    for kind, todo in gpu.works().items():
        if kind == "host":
            continue
        few = {"before": 1, "tolerance": 5e-2} if kind != "gemm" else {"tolerance": 1e-2}  # TF32 rounds to three digits
        found = races(kind, todo, 1, min(rounds, 5) if kind == "epoch" else rounds, gpu.RIVALS, **few)
        if found:
            report.print_races(f"{kind} on {name}", found)
            content = {label: {who: time._asdict() for who, time in times.items()} for label, times in found}
            report.save(out, f"cuda_{kind}", {"gpu": name, "seconds": content})
            report.draw_races(out / f"cuda_{kind}.png", f"{kind} on {name}", found)
    ours = turns.Player("ours", 1, gpu.RIVALS)
    host = {}
    for label, sizes in gpu.works()["host"]:
        (seconds,) = ours.prepare("host", sizes, before=rounds)
        host[label] = seconds.tolist()
    ours.close()
    rungs = gpu.ladder(rounds)
    report.print_gpu(name, host, rungs)
    report.save(out, "cuda_ladder", {"gpu": name, "host_seconds_per_step": host, "gflops": rungs})


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    others = "start", "busy", "memory", "depth", "ladder", "all", "parallel", "cuda"
    parser.add_argument("what", choices=[*RACES, *others])
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="threads of each player, one race for each")
    parser.add_argument("--rounds", type=int, default=11, help="turns of each player")
    parser.add_argument("--out", metavar="DIR", default="bench", help="where JSON and pictures go (default: bench)")
    parser.add_argument("--before", metavar="DIR", help="busy: another checkout, which takes turns with this one")
    options = parser.parse_args(arguments)
    out, rounds = Path(options.out), options.rounds
    if options.what == "cuda":
        try:
            cuda(out, rounds)
        except DeviceError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        return 0

    if options.what == "parallel":
        return together(out, rounds)

    def wanted(what):
        return options.what in (what, "all")

    for threads in options.threads:
        for kind in filter(wanted, RACES):
            race(out, kind, threads, rounds)
    if wanted("memory"):
        memory(out, options.threads[0])
    if wanted("busy"):
        crowd(out, rounds, options.before)
    for what, run in (("start", begin), ("depth", grow), ("ladder", climb)):
        if wanted(what):
            run(out, rounds)
    return 0


if __name__ == "__main__":
    sys.exit(terminal.run(main))
