"""Compare training runs: a table of what they reached, and a picture of the test accuracy over the seconds of training.

python scripts/compare.py runs/cnn runs/transformer
python scripts/compare.py runs/cnn runs/transformer --out compared.png
"""

import argparse
import json
import sys
from pathlib import Path

from backprop.show import plots
from data_tools import terminal


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a folder with the metrics.json of a run")
    parser.add_argument("--out", type=Path, help="draw a picture, too")
    options = parser.parse_args(arguments)
    try:
        runs = [(path.name, json.loads((path / "metrics.json").read_text("utf-8"))) for path in options.runs]
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{'run':24} {'test':>7} {'training':>9} {'epochs':>7} {'seconds':>8} {'MB':>6}")
    for name, run in runs:
        last = run["epochs"][-1]["train_accuracy"] if run["epochs"] else float("nan")
        figures = f"{run['test_accuracy']:7.2%} {last:9.2%} {len(run['epochs']):7}"
        print(f"{name[:24]:24} {figures} {run['seconds']:8.0f} {run['peak_memory_mb']:6.0f}")
    if options.out:
        print(plots.compared([(name, run["epochs"]) for name, run in runs], options.out))
    return 0


if __name__ == "__main__":
    sys.exit(terminal.run(main))
