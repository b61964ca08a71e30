"""Ranks that take different ways through a program are told so, and end; those that take one way do what one does."""

import pytest

from tests.training.parallel.mpi import run

BEGIN = """
import numpy as np, backprop as bp
from backprop.training.evaluate import evaluate

def data(count=64):
    rng = np.random.default_rng(0)
    return rng.standard_normal((count, 6)), rng.integers(0, 3, count)

with bp.parallel(4, patience=2) as ranks, bp.use_kernels("reference"):
    bp.manual_seed(0)
    f = np.float64
    net, loss = bp.Sequential(bp.Linear(6, 5, dtype=f), bp.Tanh(), bp.Linear(5, 3, dtype=f)), bp.CrossEntropyLoss()
    sgd, (x, y) = bp.SGD(net.parameters(), lr=0.1), data()
    loader = bp.DataLoader(x, y, 16)
    step, losses = bp.compile(net, loss, optimizer=sgd), []
"""

WRONG = {
    "one leaves early": """
    for number, (a, b) in enumerate(step.batches(loader)):
        if ranks.rank == 1 and number == 2:
            break
        step.train(a, b)
""",
    "one is content to exit": """
    for number, (a, b) in enumerate(step.batches(loader)):
        if ranks.rank == 1 and number == 2:
            raise SystemExit(0)
        step.train(a, b)
""",
    "one evaluates alone": """
    for a, b in step.batches(loader):
        step.train(a, b)
    if ranks.first:
        evaluate(net, loss, loader)
    for a, b in step.batches(loader):
        step.train(a, b)
""",
    "one leaves a batch out": """
    for number, (a, b) in enumerate(step.batches(loader)):
        try:
            step.train(a, b if ranks.rank or number != 1 else b + 7)
        except bp.LabelError:
            pass
""",
    "one reads a file alone": """
    if ranks.first:
        ranks.of_first(lambda: 1)
    for a, b in step.batches(loader):
        step.train(a, b)
""",
    "others data later": """
    for epoch in range(2):
        if ranks.rank == 1 and epoch == 1:
            loader.labels = loader.labels[::-1].copy()
        for a, b in step.batches(loader):
            step.train(a, b)
""",
}


@pytest.mark.parametrize("what", WRONG)
def test_ranks_that_take_different_ways_end_and_say_so(what, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(BEGIN + WRONG[what])
    done = run(2, program, limit=60)
    assert done.code != 0 and done.seconds < 30
    said = " ".join(done.err.split())
    assert "do all ranks take the same way" in said or "the ranks are at different batches" in said, done.err


SAME = {
    "changed on the way": "for a, b in step.batches(loader): losses.append(step.train(2 * a, b))",
    "another step": """
    other = bp.compile(net, loss)
    for a, b in step.batches(loader):
        losses += [step(a, b), other(a, b)]""",
    "asked for ahead": "for a, b in list(step.batches(loader)): losses.append(step.train(a, b))",
    "whole batches": "for a, b in loader: losses.append(step.train(a, b))",
    "a fit in a thread": """
    import threading
    found = []
    run = lambda: found.append(bp.fit(net, loss, sgd, loader, progress=False))
    thread = threading.Thread(target=run)
    thread.start(); thread.join()
    losses += found[0].losses""",
    "no file to resume from": """
    try:
        bp.Checkpoint("/nowhere/at/all").load(net, sgd, None, loader)
    except FileNotFoundError:
        losses.append(1.0)""",
    "a smaller step after NaN": """
    x[3] = 1e308
    try:
        step = bp.compile(net, loss, check_finite=True)
        for a, b in step.batches(loader): step(a * 10, b)
    except bp.NonFiniteError:
        losses.append(2.0)""",
    "an encoding of what is printed": "import sys; losses.append(float(len('x'.encode(sys.stdout.encoding))))",
}


@pytest.mark.parametrize("what", SAME)
def test_two_ranks_do_what_one_does(what, tmp_path):
    program = tmp_path / "program.py"
    lines = SAME[what] if SAME[what].startswith("\n") else "\n    " + SAME[what]
    program.write_text(f"{BEGIN}{lines}\n    print(losses)\n")
    alone, two = run(None, program, limit=60), run(2, program, limit=60)
    assert alone.code == 0 and two.code == 0, alone.err + two.err
    assert two.out == alone.out and len(alone.out) > 4
