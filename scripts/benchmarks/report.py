"""The results: a table to read, JSON to keep, a picture to see."""

import json
import platform
from importlib import metadata
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from backprop.columns import table
from backprop.show.colors import BLUE, GREY, ORANGE


def geomean(ratios):
    return float(np.exp(np.mean(np.log(ratios))))


def machine():
    """What the figures belong to: the processor and Python."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, Python {platform.python_version()}"


def versions():
    """Name -> version of what took part."""
    found = {}
    for name in ("backprop", "numpy", "numba", "torch", "jax"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def print_races(title, races):
    """A table of races: our time, ± half the distance of its quartiles, and how many times as long each rival took."""
    names = list(dict.fromkeys(name for _, times in races for name in times if name != "ours"))
    rows = [[title, "ours", *names]]
    for label, times in races:
        ours = times["ours"]
        cells = [f"{times[name].median / ours.median:.2f}" if name in times else "-" for name in names]
        spread = (ours.high - ours.low) / ours.median
        rows.append([label, f"{ours.median * 1e6:,.1f} us ±{spread / 2:.0%}", *(f"{cell} x" for cell in cells)])
    best = [min(t.median for name, t in times.items() if name != "ours") / times["ours"].median for _, times in races]
    print("\n".join(table(rows)))
    means = [geomean([t[name].median / t["ours"].median for _, t in races if name in t]) for name in names]
    each = ", ".join(f"{name} {mean:.2f} x" for name, mean in zip(names, means, strict=True))
    print(f"geometric means: {each}; the best of each row {geomean(best):.2f} x, lowest {min(best):.2f} x")
    firsts = {name: [times[name].first for _, times in races if name in times] for name in ["ours", *names]}
    firsts = [f"{name} {np.median(some):.1f} s (at most {max(some):.1f})" for name, some in firsts.items()]
    print(f"until the first few were done, with what was compiled for them: {', '.join(firsts)}\n")


def save(folder, name, content):
    """Keep the figures."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = Path(folder) / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), "versions": versions(), **content}, indent=1) + "\n")
    return path


COLORS = {
    "NumPy": GREY,
    "PyTorch": ORANGE,
    "PyTorch, large thresholds": "#f0b27a",
    "torch.compile": "#8e6bb0",
    "JAX": BLUE,
    "PyTorch, TF32": "#f0b27a",
    "PyTorch, graph": BLUE,
    "PyTorch, graph, TF32": "#8ab4d8",
}


def _scale_of_ratios(axes):
    """A logarithmic scale, with a line where both took the same time."""
    axes.axvline(1, color="black", lw=1, zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()


def draw_races(path, title, races):
    """A line for each work: how many times as long each rival took as we; beside it the number of the best."""
    figure = Figure(figsize=(8, 0.24 * len(races) + 1.5), layout="constrained")
    axes = figure.subplots()
    for y, (_, times) in enumerate(races):
        ratios = {name: time.median / times["ours"].median for name, time in times.items() if name != "ours"}
        axes.plot([min(1, *ratios.values()), max(1, *ratios.values())], [y, y], color="#d5d8dd", lw=1, zorder=1)
        for name, ratio in ratios.items():
            axes.plot(ratio, y, "o", color=COLORS[name], label=name, ms=6)
        best = min(ratios.values())
        axes.text(1.01, y, f"{best:.2f}", transform=axes.get_yaxis_transform(), va="center", fontsize=8)
    _scale_of_ratios(axes)
    axes.set_yticks(range(len(races)), [label for label, _ in races], fontsize=8)
    axes.set_ylim(len(races) - 0.4, -0.6)
    axes.set_xlabel("times as long as ours took; the number on the right is that of the fastest rival")
    axes.set_title(title, fontsize=10)
    seen = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(seen.values(), seen.keys(), fontsize=8, loc="outside lower center", ncols=len(seen), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def draw_layers(path, title, races):
    """A line for each kind of layer, and on it how many times as long the fastest rival took, for each size."""
    ratios = {}
    for label, times in races:
        best = min(time.median for name, time in times.items() if name != "ours")
        ratios.setdefault(label.split("(")[0], []).append(best / times["ours"].median)
    ratios = dict(sorted(ratios.items(), key=lambda pair: geomean(pair[1])))
    figure = Figure(figsize=(8, 0.2 * len(ratios) + 1.3), layout="constrained")
    axes = figure.subplots()
    for y, found in enumerate(ratios.values()):
        axes.plot([min(found), max(found)], [y, y], color="#d5d8dd", lw=1, zorder=1)
        axes.plot(found, [y] * len(found), "o", color=BLUE if geomean(found) >= 1 else ORANGE, ms=4)
        axes.text(1.01, y, f"{geomean(found):.2f}", transform=axes.get_yaxis_transform(), va="center", fontsize=7)
    _scale_of_ratios(axes)
    axes.set_yticks(range(len(ratios)), list(ratios), fontsize=7)
    axes.set_ylim(len(ratios) - 0.4, -0.6)
    every = geomean([ratio for found in ratios.values() for ratio in found])
    axes.set_xlabel(f"times as long as ours the fastest rival took, one dot a size; geometric mean of all {every:.2f}")
    axes.set_title(title, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def print_ladder(rungs):
    peak = rungs[0][2]
    rows = [["", "", "GFLOP/s", "of one core's peak"]]
    rows += [[name, rung, f"{rate:.1f}", f"{rate / peak:.0%}"] for name, rung, rate, _ in rungs]
    print("\n".join(table(rows)) + "\n")


def print_scaling(rows):
    """What more threads than one buy."""
    rows = [[what, f"{one:.1f}", f"{all_:.1f}", f"{all_ / one:.2f} x"] for what, one, all_ in rows]
    print("\n".join(table([["", "GFLOP/s, 1 thread", "all threads", "times as fast"], *rows])) + "\n")


def draw_ladder(path, rungs):
    """Two staircases, and the line that one core cannot pass."""
    peak = rungs[0][2]
    names = list(dict.fromkeys(name for name, *_ in rungs[1:]))
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    figure.suptitle(machine(), fontsize=9)
    for axes, name in zip(figure.subplots(1, len(names)), names, strict=True):
        some = [(rung, rate) for ladder, rung, rate, _ in rungs if ladder == name]
        colors = [GREY if "NumPy" in rung else BLUE for rung, _ in some]
        axes.bar(range(len(some)), [rate for _, rate in some], color=colors)
        for place, (_, rate) in enumerate(some):
            axes.text(place, rate, f"{rate:.1f}" if rate < 10 else f"{rate:.0f}", ha="center", va="bottom", fontsize=8)
        axes.set_ylim(0, 1.12 * max(peak, *(rate for _, rate in some)))
        axes.axhline(peak, color=ORANGE, lw=1)
        axes.text(-0.4, peak, f"peak of one core, {peak:.0f}", color=ORANGE, va="bottom", fontsize=8)
        axes.set_xticks(range(len(some)), [rung.replace(", ", ",\n") for rung, _ in some], fontsize=8, rotation=20)
        axes.set_title(f"the {'matrix ' if name == 'product' else ''}{name}, rung by rung", fontsize=10)
        axes.set_ylabel("GFLOP/s")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def print_start(imports, steps, changes, rivals):
    """How long imports take beside Numba's, first steps, and those of a LeNet that was changed."""
    rows = [["import", "seconds", "of numba's"]]
    rows += [[name, f"{seconds:.2f}", f"{seconds / imports['numba']:.2f} x"] for name, seconds in imports.items()]
    print("\n".join(table(rows)) + "\n")
    head = "seconds", "of CPU", "compiled"
    rows = [["the first step of", "with", *head]]
    rows += [[model, how, *_waited(wait)] for model, found in steps.items() for how, wait in found.items()]
    print("\n".join(table(rows)) + "\n")
    rows = [["changed in a LeNet that works", *head], *([what, *_waited(wait)] for what, wait in changes.items())]
    print("\n".join(table(rows)) + "\n")
    rows = [["the first step of mlp128 by", "seconds"], *([name, f"{time:.1f}"] for name, time in rivals.items())]
    print("\n".join(table(rows)) + "\n")


def _waited(wait):
    return f"{wait.seconds:.1f}", f"{wait.cpu:.1f}", str(wait.compiled)


def print_busy(found):
    """Steps by threads and by what runs beside; of two, the second as a part of the first."""
    names = list(next(iter(found.values())))
    ours, before = ([name for name in names if name[0] == whose] for whose in ("ours", "before"))
    head = [f"{whose}, {count} thread{'s' if count > 1 else ''}" for whose, count in names]
    pairs = [*([(ours[-1], ours[0])] if len(ours) > 1 else []), *zip(ours, before, strict=False)]
    rows = [["a step of", "beside", *head, *(f"{a[0]} {a[1]} / {b[0]} {b[1]}" for a, b in pairs)]]
    for (model, load), times in found.items():
        ratios = (f"{times[a].median / times[b].median:.2f}" for a, b in pairs)
        rows.append([model, str(load), *(f"{times[name].median * 1e6:.0f} us" for name in names), *ratios])
    print("\n".join(table(rows)) + "\n")


def print_gpu(name, host, rungs):
    """What the host does for each step, and the product rung by rung."""
    rows = [["the host's microseconds for a step", "while the GPU is busy", "while it waits"]]
    rows += [[label, *(f"{part * 1e6:.2f}" for part in seconds)] for label, seconds in host.items()]
    print("\n".join(table(rows)) + "\n")
    rows = [[f"on {name}", "", "GFLOP/s"], *([what, rung, f"{rate:,.0f}"] for what, rung, rate in rungs)]
    print("\n".join(table(rows)) + "\n")


def print_memory(peaks):
    """The most memory that a process had while it trained."""
    names = list(dict.fromkeys(name for found in peaks.values() for name in found))
    rows = [["peak memory, MB", *names]]
    rows += [[model, *(f"{f[n] / 1e6:.0f}" if n in f else "-" for n in names)] for model, f in peaks.items()]
    print("\n".join(table(rows)) + "\n")


def print_growth(growth, slope):
    for over in ("depth", "batch"):
        found = {name: some for name, some in growth.items() if f"over {over}" in name}
        rows = [["", *map(str, next(iter(found.values()))[0]), "slope of the last five"]]
        for name, (sizes, values) in found.items():
            cells = [f"{v * 1e3:.2f} ms" if "seconds" in name else f"{v / 1e6:.2f} MB" for v in values]
            rows.append([name, *cells, f"{slope(sizes, values):.2f}"])
        print("\n".join(table(rows)) + "\n")


def draw_growth(path, growth, slope):
    """Four pictures with both axes logarithmic: what grows linearly is a line of slope 1."""
    figure = Figure(figsize=(9, 6.6), layout="constrained")
    figure.suptitle(machine(), fontsize=9)
    panels = [
        ("layers", "ms", ["seconds over depth", "seconds over depth, naive"]),
        ("batch size", "ms", ["seconds over batch"]),
        ("layers", "MB", ["bytes over depth"]),
        ("batch size", "MB", ["bytes over batch"]),
    ]
    for axes, (x, unit, names) in zip(figure.subplots(2, 2).flat, panels, strict=True):
        for name, color in zip(names, (BLUE, ORANGE), strict=False):
            sizes, values = growth[name]
            scaled = np.array(values) * (1e3 if unit == "ms" else 1e-6)
            who = "each layer anew" if "naive" in name else "backpropagation"
            axes.loglog(sizes, scaled, "o-", color=color, ms=4, label=f"{who}: slope {slope(sizes, values):.2f}")
        axes.set_xticks(sizes, map(str, sizes))
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel(x)
        axes.set_ylabel("one step, ms" if unit == "ms" else "kept for backward, MB")
        axes.legend(fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
