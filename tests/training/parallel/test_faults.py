"""When a rank fails, all end soon, and it is said once which one it was and why."""

import re

import pytest

from tests.training.parallel.mpi import run

SOON = 10.0  # seconds from the fault to the end of all
STARTING = 15.0  # seconds that a few processes may take before it, on a busy machine


def fail(what, rank, *patience, ranks=4):
    return run(ranks, "-m", "tests.training.parallel.fail", what, rank, *patience, limit=STARTING + SOON + 60)


def expect_end(done, *words, patience=0.0):
    assert done.code != 0
    assert done.seconds < STARTING + SOON + patience
    text = " ".join(done.err.split())
    for word in words:
        assert re.search(word, text), done.err


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_an_error_on_one_rank_ends_all_and_is_shown_with_its_place(rank):
    done = fail("raise", rank)
    expect_end(done, rf"rank {rank}: Traceback .*raise_it.* RuntimeError: it broke")
    assert done.err.count("RuntimeError: it broke") == 1


def test_an_error_on_all_ranks_is_shown_once():
    done = fail("raise", "all")
    expect_end(done, "RuntimeError: it broke")
    assert done.err.count("RuntimeError: it broke") == 1 and "rank 0:" not in done.err


@pytest.mark.parametrize("rank", [0, 2])
def test_a_rank_that_is_killed_ends_all_and_is_named(rank):
    done = fail("kill", rank)
    expect_end(done, r"4 ranks share 8 shards, 1 thread each processes on \S+: 0 is \d+, 1 is \d+, 2 is \d+, 3 is \d+")
    process = re.search(rf"{rank} is (\d+)", done.err)[1]
    expect_end(done, f"rank {rank}, process {process}: killed, or crashed; all ranks end")


@pytest.mark.parametrize(("what", "rank"), [("stop", 2), ("stop", 0), ("silent", 1)])
def test_a_rank_that_gives_no_sign_of_life_ends_all_and_is_named_by_the_others(what, rank):
    done = fail(what, rank, 2)
    expect_end(done, rf"rank \d: rank {rank} has given no sign of life for [23] s", patience=2.0)
    blamed = set(re.findall(r"rank (\d) has given no sign", done.err))
    assert blamed == {str(rank)}, "others wait as well, but they say so"


def test_one_that_leaves_the_others_behind_is_named():
    expect_end(fail("leave", 1), "rank 1: exit 3")


def test_one_that_fails_at_the_very_end_does_not_take_the_results_of_the_others():
    done = fail("late", 2)
    expect_end(done, "rank 2: Traceback .*it broke")
    assert "150 steps" in done.out


@pytest.mark.parametrize("rank", ["all", 2])
def test_a_request_to_stop_is_heard_by_all_after_the_same_step(rank):
    done = fail("interrupt", rank)
    assert done.code == 0, done.err
    assert "5 steps, interrupted" in done.out or "10 steps, interrupted" in done.out


@pytest.mark.parametrize(
    ("what", "rank", "words"),
    [
        (
            "numpy",
            2,
            r"rank 2 \(on \S+\) has another numpy than rank 0 .*: 1.0, not .*use the same on all, or allow it",
        ),
        ("source", 1, "rank 1 .* has another backprop than rank 0"),
        ("seed", 1, "rank 1 .* has another network than rank 0.*make it within the block, or after bp.manual_seed"),
        ("data", 3, "rank 3 .* has another data than rank 0.*give all the same data"),
        ("labels", "all", r"the last layer, .* puts out 3 scores, but the labels are of 10 classes"),
        ("wide", "all", r"layer 0 \(Linear\): expects \(..., 9\)"),
        ("nan", "all", r"NonFiniteError: step 1: forward pass, layer 2 \(Linear\) puts out NaN or infinity"),
    ],
)
def test_what_cannot_go_well_is_refused_at_the_start_or_named_once(what, rank, words):
    done = fail(what, rank)
    expect_end(done, words)
    assert len(re.findall(words, " ".join(done.err.split()))) == 1


def test_a_number_of_ranks_that_does_not_fit_is_refused_once():
    done = fail("none", 0, ranks=3)
    expect_end(done, "3 ranks do not divide the tree of 8 shards; 1, 2, 4 or 8 ranks do")
    assert done.err.count("3 ranks do not divide the tree") == 1


ALLOWED = """
import sys, numpy as np, backprop as bp, os
if os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK")) == "1":
    np.__version__ = "2.0.0"
with bp.parallel(allow=["numpy"]):
    print("allowed")
"""

SLOW = """
import time, numpy as np, backprop as bp
from backprop.kernels import tell_compiling

class Slow(bp.Identity):
    recordable = False
    def forward(self, u):
        time.sleep(0 if self.training else 0.4)
        return u

with bp.parallel(8, patience=2) as ranks:
    bp.manual_seed(0)
    x, y = np.random.default_rng(0).random((64, 4), np.float32), np.arange(64) % 3
    net = bp.Sequential(bp.Linear(4, 3), Slow())
    with bp.use_kernels("reference"):
        if ranks.rank == 1:
            for _ in range(16):  # a compiler at work
                tell_compiling("a kernel")
                time.sleep(0.25)
        train, test = bp.DataLoader(x, y, 32), bp.DataLoader(x[: 32 - 16 * (ranks.size < 0)], y[:32], 2)
        bp.fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters(), lr=0.1), train, test, progress=False)
    print("alive")
"""


@pytest.mark.parametrize(("program", "words"), [(ALLOWED, "allowed\n"), (SLOW, "alive\n")], ids=["allowed", "slow"])
def test_it_goes_on_where_a_difference_is_allowed_or_a_rank_only_takes_its_time(program, words, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(program)
    done = run(2, path)
    assert (done.code, done.out) == (0, words), done.err
