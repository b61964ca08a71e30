"""Programs that mpiexec starts as several processes, with a limit of time; skipped where there is no MPI."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
AS_ANYONE = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}  # in a container the user is root
AS_ANYONE |= {"OMPI_MCA_rmaps_base_oversubscribe": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}


def mpiexec():
    """The path of MPI's launcher; the test is skipped if there is none."""
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed: pip install -e '.[mpi]'")
    beside = Path(sys.executable).parent / "mpiexec"  # not resolved: in an environment it is a link
    found = str(beside) if beside.is_file() else shutil.which("mpiexec")
    if found is None:
        pytest.skip("there is no mpiexec: pip install mpich")
    return found


def command(ranks, *arguments):
    """The command of a Python program with so many ranks, or without MPI for None."""
    launcher = [] if ranks is None else [mpiexec(), "-n", str(ranks)]
    return [*launcher, sys.executable, "-W", "ignore", *map(str, arguments)]


def environment(**more):
    return {**os.environ, **AS_ANYONE, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "2", **more}


class Done:
    """How a command ended: `code`, what it printed as `out` and `err`, and how many `seconds` it took."""

    def __init__(self, command, limit, **more):
        start = time.monotonic()
        found = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, cwd=ROOT, env=environment(**more)
        )
        self.code, self.out, self.err = found.returncode, found.stdout, found.stderr
        self.seconds = time.monotonic() - start


def run(ranks, *arguments, limit=300, **more):
    """Run a Python program to its end, which must come within `limit` seconds."""
    return Done(command(ranks, *arguments), limit, **more)
