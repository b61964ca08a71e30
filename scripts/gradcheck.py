"""Compare the backward of every layer and loss with finite differences, entry by entry.

    python scripts/gradcheck.py                                    all of them, float64, Numba kernels
    python scripts/gradcheck.py --layer Linear --kernels reference
    python scripts/gradcheck.py --sweep sweep.png                  why the step h matters: a picture

The exit status is 0 if every verdict is ok, else 1.
"""

import argparse
import sys

import numpy as np

import backprop as bp
from backprop.lecture.examples import examples
from backprop.show.sweep import step_sweep
from data_tools import terminal


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layer", metavar="NAME", help="only this one: Linear, ReLU, CrossEntropyLoss, ...")
    parser.add_argument("--kernels", choices=["reference", "cpu"], default="cpu")
    parser.add_argument("--dtype", choices=["float64", "float32"], default="float64", help="float32: against float64")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sweep", metavar="PNG", help="draw the error of three derivatives over the step h, and stop")
    options = parser.parse_args(arguments)

    if options.sweep:
        print(step_sweep(options.sweep))
        return 0

    chosen = [e for e in examples(options.seed) if options.layer in (None, type(e.module).__name__)]
    if not chosen:
        names = ", ".join(dict.fromkeys(type(e.module).__name__ for e in examples()))
        parser.error(f"no layer is called {options.layer!r}; there are {names}")

    wrong = 0
    with bp.use_kernels(options.kernels):
        for example in chosen:
            report = bp.gradcheck(example.module, *example.inputs, dtype=np.dtype(options.dtype), seed=options.seed)
            report.name += f"  [{example.title}]"
            print(report, end="\n\n")
            wrong += not report.ok
    print(f"{len(chosen) - wrong} of {len(chosen)} ok: {options.kernels} kernels, {options.dtype}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(terminal.run(main))
