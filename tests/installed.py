"""Run by .ci/run with an installed wheel, in an empty folder: nothing may need the source tree.

PYTHONPATH=<where the wheel was installed> python tests/installed.py
"""

import tempfile
from pathlib import Path

import numpy as np

import backprop as bp
import data_tools
from backprop.lecture import companion, exercises
from backprop.models.networks import mlp

SOURCE = Path(__file__).parents[1]


def main():
    place = Path(bp.__file__).parent
    assert place != SOURCE / "backprop" and (place / "py.typed").exists() and (place / "__init__.pyi").exists()
    with tempfile.TemporaryDirectory() as folder, bp.use_kernels("reference"):
        folder = Path(folder)
        data_tools.synthesize(folder / "digits", 500, 100)
        digits = data_tools.load(folder / "digits")
        net, train = mlp(), bp.DataLoader(digits.train_images, digits.train_labels, 50, shuffle=True, seed=0)
        history = bp.fit(
            net, bp.CrossEntropyLoss(), bp.SGD(net.parameters(), 0.1, 0.9), train, epochs=4, progress=False
        )
        assert history.epochs[-1].train_accuracy > 0.9, history
        bp.save(net, folder / "net.safetensors")
        bp.load(mlp(), folder / "net.safetensors")
        page = companion.write(folder / "companion.html").read_text()
        assert "delta.T @ a" in page and len(page) > 300_000
        assert "..." in exercises.exercise("ReLU")
    print(f"an installed wheel trains, makes the companion and finds its files (NumPy {np.__version__})")


if __name__ == "__main__":
    main()
