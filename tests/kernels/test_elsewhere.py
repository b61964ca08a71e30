"""The CPU kernels can be compiled for machines that are not at hand: plain ones, Windows, Arm."""

import json
import re
import subprocess
import sys

# What Numba itself provides everywhere, the mathematics of C, and what LLVM makes instructions of, or calls of these.
PROVIDED = r"Py\w+|NRT_\w+|numba_\w+|llvm\.(?!x86|aarch64|arm)[\w.]+|mem(cpy|set|move)"
MATHEMATICS = r"(erfc|expm1|log1p|tanh|exp|log|sqrt|pow|fabs)f?"


def test_every_kernel_compiles_for_other_processors_and_systems_and_calls_nothing_that_they_lack():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.kernels.elsewhere"], capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kernels"] > 100 and len(found["bytes"]) == 4 and min(found["bytes"].values()) > 500_000
    others = [name for name in found["calls"] if not re.fullmatch(f"{PROVIDED}|{MATHEMATICS}", name)]
    assert others == []
