"""Draw the README's pictures that need no training run.

python scripts/pictures.py [DIR]        DIR is scripts/pictures unless given
"""

import sys
from pathlib import Path

import numpy as np

import backprop as bp
from backprop.show.recursion import recursion
from backprop.show.sweep import step_sweep


def hand_worked():
    """The 2-2-1 network of backprop/sequential.py and one sample, in float64."""
    net = bp.Sequential(bp.Linear(2, 2), bp.ReLU(), bp.Linear(2, 1))
    net[0].weight, net[0].bias = bp.Parameter([[1, 2], [3, -4]]), bp.Parameter([1, 0])
    net[2].weight, net[2].bias = bp.Parameter([[2, -1]]), bp.Parameter([0.5])
    return net.to(np.float64), np.array([[1.0, 1.0]]), np.array([[7.5]])


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    out = Path(arguments[0]) if arguments else Path(__file__).parent / "pictures"
    out.mkdir(parents=True, exist_ok=True)
    net, x, y = hand_worked()
    print(recursion(net, bp.MSELoss(), x, y, out / "recursion.png", ["a_0", "u_1", "a_1", "u_2"], factor=0.5))
    print(step_sweep(out / "sweep.png"))


if __name__ == "__main__":
    main()
