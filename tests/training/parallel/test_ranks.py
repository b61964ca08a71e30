"""Several processes: the same bits as one, whatever their number."""

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from backprop.training.parallel import mpi
from tests.training.parallel.mpi import ROOT, command, environment, run

SEEDS = range(400, 412)
ON = [("cpu", 1), ("cpu", 2), ("cpu", 4), ("reference", 4)]


@pytest.fixture(scope="module")
def alone():
    """What random networks become in one process with 4 shards: {kernels: {seed: (digest, losses)}}"""
    found = {}
    for kernels in ("reference", "cpu"):
        done = run(None, "-m", "tests.training.parallel.learn", 4, kernels, *SEEDS)
        assert done.code == 0, done.err
        found[kernels] = json.loads(done.out)
    return found


@pytest.mark.parametrize(("kernels", "ranks"), ON)
def test_random_networks_end_in_the_same_bits(kernels, ranks, alone):
    done = run(ranks, "-m", "tests.training.parallel.learn", 4, kernels, *SEEDS)
    assert done.code == 0, done.err
    assert json.loads(done.out) == alone[kernels]


@pytest.mark.parametrize("name", ["mlp", "cnn", "residual", "lstm", "transformer", "synced"])
def test_the_lectures_networks_end_in_the_same_weights(name, tmp_path):
    files = {}
    for ranks in (None, {"mlp": 8, "cnn": 2}.get(name, 4)):
        files[ranks] = tmp_path / f"{ranks}"
        done = run(ranks, "-m", "tests.training.parallel.networks", name, 8, files[ranks])
        assert done.code == 0, done.err
        assert done.out.count(name) == 1, "it is printed once"
    first, *others = (file.read_bytes() for file in files.values())
    assert all(other == first for other in others)


def test_a_run_whose_ranks_are_killed_goes_on_with_another_number_of_them_to_the_same_bits(tmp_path):
    expected, found = tmp_path / "expected", tmp_path / "found"
    program = "-m", "tests.training.parallel.networks", "mlp", 8
    assert run(None, *program, expected).code == 0
    for ranks, rank, steps, *resume in ((2, 1, 3), (4, 0, 5, "--resume"), (8, 6, 6, "--resume")):
        done = run(ranks, *program, found, "--kill", rank, steps, *resume)
        assert done.code != 0 and not found.exists()
        assert "Killed" in done.out + done.err
    done = run(None, *program, found, "--resume")
    assert done.code == 0, done.err
    assert found.read_bytes() == expected.read_bytes()


def saved(path):
    """What changes whenever the file is written anew."""
    return path.stat().st_mtime_ns if path.exists() else None


def test_mpiexec_itself_may_be_ended_at_any_moment(tmp_path):
    expected, found = tmp_path / "expected", tmp_path / "found"
    program = "-m", "tests.training.parallel.networks", "mlp", 8
    assert run(None, *program, expected).code == 0
    checkpoint = tmp_path / "found.checkpoint"
    for ranks, resume in ((4, []), (2, ["--resume"])):
        before, limit = saved(checkpoint), time.monotonic() + 60
        process = subprocess.Popen(
            command(ranks, *program, found, *resume), cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL
        )
        while saved(checkpoint) == before and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.001)
        process.kill()
        process.wait(60)
    time.sleep(2)  # its ranks end when they notice
    assert run(None, *program, found, "--resume").code == 0
    assert found.read_bytes() == expected.read_bytes()


SCRIPT = ROOT / "scripts" / "train_mnist.py"


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    from data_tools import digits

    folder = tmp_path_factory.mktemp("digits")
    digits.synthesize(folder, 600)
    return folder


def test_the_script_finds_its_ranks_and_shows_and_writes_everything_once(digits, tmp_path):
    train = SCRIPT, "--data", digits, "--epochs", 2, "--augment", "shift", "--batch-size", 50, "--validation", 0.2
    alone = run(None, *train, "--shards", 8, "--out", tmp_path / "alone")
    assert alone.code == 0, alone.err
    done = run(2, *train, "--out", tmp_path / "two")
    assert done.code == 0, done.err
    for once in ("mlp on digits0, cpu kernels, seed 0, 8 shards", "testing, and drawing pictures", "test accuracy"):
        assert done.out.count(once.replace("digits0", digits.name)) == 1, done.out
    assert "2 ranks share 8 shards, 1 thread each" in done.err
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        path.name for path in (tmp_path / "alone").iterdir()
    }
    for name in ("model.safetensors",):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    kept = [json.loads((tmp_path / place / "metrics.json").read_text()) for place in ("two", "alone")]
    assert kept[0]["losses"] == kept[1]["losses"] and kept[0]["test_loss"] == kept[1]["test_loss"]
    assert kept[0]["epochs"][0]["test_loss"] == kept[1]["epochs"][0]["test_loss"]


def test_a_run_that_is_resumed_keeps_its_shards(digits, tmp_path):
    train = SCRIPT, "--data", digits, "--epochs", 1, "--out", tmp_path
    assert run(2, *train, "--shards", 4).code == 0
    done = run(None, *train, "--resume")
    assert done.code == 0, done.err
    assert "4 shards" in done.out
    refused = run(None, *train, "--resume", "--shards", 2)
    assert refused.code == 1 and "its run had other options: shards was 4, now 2" in refused.err


MEMORY = """
import resource, sys
import numpy as np, backprop as bp

def load():
    return np.ones((400, 1 << 18), np.float32), np.arange(400) % 10  # 400 MB

def own():
    "What belongs to this process alone, in MB."
    text = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in text if line.startswith(("Private_Dirty", "Anonymous"))) // 2 // 1000

with bp.parallel(8) as ranks:
    before = own()
    images, labels = ranks.mapped(load)
    train, seen = bp.DataLoader(images, labels, 16), 0.0
    net = bp.Sequential(bp.Linear(1 << 18, 2))
    step = bp.compile(net, bp.CrossEntropyLoss())
    for x, y in step.batches(train):
        assert len(x) == 16 // ranks.size
        seen += float(x[:, 0].sum())
    assert seen == 400 / ranks.size, seen
    images[0, 0] = 7  # a page of one's own: the others do not see it
    grown = ranks.wire.everyone((own() - before, float(images[0, 0])))
    print(*(mb for mb, _ in grown))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="only Linux says whose memory is whose")
def test_ranks_of_one_machine_share_the_memory_of_the_data(tmp_path):
    program = tmp_path / "memory.py"
    program.write_text(MEMORY)
    done = run(4, program)
    assert done.code == 0, done.err
    assert max(map(int, done.out.split())) < 250, "MB of 400 MB of data"


def test_mpiexec_without_mpi4py_is_told_what_to_install(tmp_path):
    (tmp_path / "mpi4py.py").write_text("raise ImportError('no module')")
    program = tmp_path / "program.py"
    program.write_text("import backprop as bp\nwith bp.parallel(): pass\n")
    done = run(2, program, OMP_NUM_THREADS="1")
    assert done.code != 0
    assert "mpiexec started 2 processes, but mpi4py cannot be used here (no module): pip install" in done.err


@pytest.mark.skipif(shutil.which("env") is None, reason="needs env")
def test_the_mpiexec_of_another_mpi_is_noticed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import backprop as bp\nwith bp.parallel(): pass\n")
    command(1)  # or it is skipped
    done = run(None, program, OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_RANK="0")
    assert done.code != 0
    assert "mpiexec started 2 processes, which do not know each other" in done.err


def test_more_ranks_than_cores_are_said_and_not_much_slower(tmp_path):
    program = "-m", "tests.training.parallel.fail", "none", 0
    cores = len(mpi.cores())
    if cores > 4:
        pytest.skip("there are cores for all")
    done = run(8, *program, limit=120)
    assert done.code == 0, done.err
    said = " ".join(done.err.split())
    assert f"note: 8 ranks for {cores} cores: they wait for each other's turns" in said


def test_one_process_needs_no_mpi():
    code = "import sys, backprop as bp\nwith bp.parallel(8): pass\nassert 'mpi4py' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), timeout=60).returncode == 0


def test_what_a_rank_draws_is_what_the_first_one_draws(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import numpy as np, backprop as bp\n"
        "with bp.parallel() as ranks:\n"
        "    net = bp.Linear(3, 2)  # without a seed\n"
        "    drawn = ranks.wire.everyone(net.weight.data.tobytes())\n"
        "    print(len(set(drawn)))\n"
    )
    done = run(4, program)
    assert done.code == 0 and done.out == "1\n", done.err
    assert np.isfinite(done.seconds)


MACHINES = """
import json, os, socket, sys
import numpy as np, backprop as bp

rank = int(os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK", 0)))
socket.gethostname = lambda: "abbb"[rank]  # one rank on machine a, three on b
loaded = []

def load():
    loaded.append(rank)
    return np.arange(12.0).reshape(4, 3), "name"

with bp.parallel(8) as ranks:
    array, name = ranks.mapped(load)
    with ranks.in_turn():
        pass
    print(json.dumps(ranks.wire.everyone((ranks.here, loaded, array.tolist(), name, ranks.of_first(lambda: rank)))))
"""


def test_each_machine_has_a_first_rank_that_loads_for_the_others(tmp_path):
    program = tmp_path / "machines.py"
    program.write_text(MACHINES)
    done = run(4, program)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert [here for here, *_ in found] == [[0], [1, 2, 3], [1, 2, 3], [1, 2, 3]]
    assert [loaded for _, loaded, *_ in found] == [[0], [1], [], []]
    assert all(array == np.arange(12.0).reshape(4, 3).tolist() for _, _, array, _, _ in found)
    assert all((name, first) == ("name", 0) for *_, name, first in found)
    assert "processes on a: 0 is" in done.err and "processes on b: 1 is" in done.err
