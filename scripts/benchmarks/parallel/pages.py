"""The tables and the picture of `bench.py parallel`."""

import numpy as np
from matplotlib.figure import Figure

from backprop.columns import table
from backprop.show.colors import BLUE, GREY, ORANGE
from benchmarks.parallel.model import LINES, RANKS, efficiency, fitted, reduction
from benchmarks.report import machine


def print_steps(found):
    """Steps by setting, and how many times as fast as one rank with one thread, which has the same shards."""
    columns = list(next(iter(found.values())))
    base = next(setting for setting in columns if setting.ranks == 1 and setting.threads == 1)
    for (model, batch), times in found.items():
        rows = [[f"{model}, batch {batch}", "a step", f"{base} took"]]
        rows += [[str(s), f"{t * 1e3:.2f} ms", f"{times[base] / t:.2f} x"] for s, t in times.items()]
        print("\n".join(table(rows)) + "\n")


def print_reductions(found):
    """All-reduces between two ranks: measured, and what the fitted line says."""
    lines = {way: fitted(measured) for way, measured in found.items()}
    head = [f"{way} (fit)" for way in found]
    rows = [["an all-reduce of", *head]]
    for place, (size, _) in enumerate(next(iter(found.values()))):
        cells = [(measured[place][1], reduction(lines[way], 2, size)) for way, measured in found.items()]
        rows.append([f"{size:,} bytes", *(f"{a * 1e6:,.0f} us ({b * 1e6:,.0f})" for a, b in cells)])
    print("\n".join(table(rows)))
    for way, line in lines.items():
        print(f"{way}: latency {line.latency * 1e6:.0f} us, bandwidth {line.bandwidth / 1e9:.2f} GB/s")
    print()
    return lines


def print_predictions(compute, sizes):
    """Efficiency, by the model, of each network over ranks and networks of machines."""
    rows = [["efficiency of", "over", *map(str, RANKS)]]
    for model, seconds in compute.items():
        for name, line in LINES.items():
            cells = [f"{efficiency(line, seconds, sizes[model], ranks):.0%}" for ranks in RANKS]
            rows.append([model, name.split(",")[0], *cells])
    print("\n".join(table(rows)) + "\n")


def draw(path, measured, compute, sizes):
    """On the left what all-reduces took here, and the fitted lines; on the right the efficiency that the model says."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (way, points), color in zip(measured.items(), (BLUE, ORANGE, GREY), strict=False):
        bytes_, seconds = zip(*points, strict=True)
        line, smooth = fitted(points), np.geomspace(bytes_[0], bytes_[-1], 200)
        words = f"{way}: {line.latency * 1e6:.0f} µs, {line.bandwidth / 1e9:.2g} GB/s"
        left.loglog(bytes_, np.array(seconds) * 1e6, "o", color=color, ms=5)
        left.loglog(smooth, [reduction(line, 2, size) * 1e6 for size in smooth], color=color, lw=1.2, label=words)
    left.set_title("an all-reduce between two ranks here, and its fit", fontsize=10)
    left.set_xlabel("bytes")
    left.set_ylabel("µs")
    left.legend(fontsize=8, frameon=False)
    for (model, seconds), color in zip(compute.items(), (BLUE, ORANGE, "#5a9e6f"), strict=False):
        for line, style in zip(LINES.values(), ("--", "-"), strict=True):
            found = [efficiency(line, seconds, sizes[model], ranks) for ranks in RANKS]
            words = f"{model}: {sizes[model] / 1e6:.2g} MB, {seconds * 1e3:.1f} ms" if style == "-" else None
            right.semilogx(RANKS, found, style, marker="o", color=color, ms=3, lw=1.4, label=words)
    right.set_xticks(RANKS, map(str, RANKS))
    right.minorticks_off()
    right.set_ylim(0, 1.02)
    right.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    right.set_xlabel("ranks, one to a machine: 64 images and one thread each")
    words = [
        f"{style} {name}: {line.latency * 1e6:.0f} µs, {line.bandwidth / 1e9:g} GB/s"
        for (name, line), style in zip(LINES.items(), ("dashed", "solid"), strict=True)
    ]
    right.set_title("\n".join(["efficiency by the model", *words]), fontsize=9)
    right.legend(fontsize=8, frameon=False, loc="lower left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(machine(), fontsize=9)
    figure.savefig(path, dpi=120)
