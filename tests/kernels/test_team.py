"""The team of threads: the same bits as one thread alone, whatever else happens. TRIALS=200 tries it harder."""

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import backprop as bp
from backprop.kernels import cpu
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import share
from backprop.kernels.cpu.team import members
from backprop.kernels.cpu.team.calls import Calls, Replay, Unlisted

TRIALS = int(os.environ.get("TRIALS", "5"))
FORKS = "fork" in multiprocessing.get_all_start_methods()

needs_two_cores = pytest.mark.skipif(members.MOST < 2, reason="one core: no team")


def run(code, *args, timeout=120, **how):
    """What a Python process of its own prints."""
    how = {"capture_output": True, "text": True, "timeout": timeout, "check": True, **how}
    return subprocess.run([sys.executable, "-W", "error", "-c", code, *map(str, args)], **how).stdout


@kernel
def add_one(a, part, parts):
    for i in share(a.size, part, parts):
        a[i] += 1


@kernel
def divide(a, b, part, parts):
    for i in share(a.size, part, parts):
        if b[i] == 0:
            raise ZeroDivisionError
        a[i] /= b[i]


@kernel
def number_of(out, part, parts, worker):
    for i in share(out.size, part, parts):
        out[i] = worker


@needs_two_cores
def test_every_part_of_every_call_is_computed_exactly_once():
    sizes = [1, 40_000, 7, 100_000, 33_000, 5, 2]
    arrays = [np.zeros(size) for size in sizes]
    calls = Calls()
    for array in arrays * 3:
        calls.list(add_one, (array,))
    assert len(calls) == 21 and not any(array.any() for array in arrays)  # nothing is computed while it is listed
    for _ in range(2000):
        calls()
    for array in arrays[:4]:
        add_one(array)
    assert [set(array) for array in arrays] == [{6001}] * 4 + [{6000}] * 3


@needs_two_cores
def test_all_threads_take_part_and_each_has_a_number_of_its_own():
    out = np.full(1 << 20, -1)
    for _ in range(1000):
        number_of(out)
        if len(set(out.tolist())) == 2:
            break
    assert set(out.tolist()) <= set(range(members.MOST)) and 0 in out
    bp.set_num_threads(1)
    try:
        number_of(out)
    finally:
        bp.set_num_threads(members.MOST)
    assert not out.any()


def test_an_exception_in_a_kernel_is_raised_by_one_call_and_by_a_list_and_the_next_call_is_right():
    a, b = np.ones(100_000), np.ones(100_000)
    b[77_777] = 0
    calls = Calls()
    calls.list(divide, (a, b))
    for call in (lambda: divide(a, b), calls):
        with pytest.raises(RuntimeError, match="raised an exception"):
            call()
        for value in (2.0, 0.5):
            divide(a, np.full(100_000, value))
    assert set(a) == {1.0}


def test_a_replay_makes_what_computes_in_python_at_its_place():
    def halve(a):
        if cpu_is_listing():
            raise Unlisted
        a /= 2

    def cpu_is_listing():
        return members.context.listed is not None

    a = np.zeros(10)
    replay = Replay([(add_one, (a,)), (halve, (a,)), (add_one, (a,)), (add_one, (a,))])
    replay()
    replay()
    assert set(a) == {(2.5 + 1) / 2 + 2}


def scratch_of(calls):
    return sum(array.nbytes for alike in calls._scratch.values() for array in alike)


def test_scratch_memory_of_a_list_is_kept_and_shared_by_calls_that_follow_each_other():
    a, x, mu = np.ones((2, 3, 1, 9, 9), "f"), np.ones((4, 3, 1, 3, 3), "f"), np.ones(4, "f")
    outs = [np.zeros((2, 4, 1, 7, 7), "f") for _ in range(3)]
    calls, first = Calls(), None
    for out in outs:
        calls.list(cpu.conv, (a, x, mu, False, (1, 1, 1), (1, 1, 1), (0, 0, 0), 1, out))
        first = first or scratch_of(calls)
    assert scratch_of(calls) == first > 0
    del a, x, mu  # the list keeps what it reads
    calls()
    assert all(np.all(out == 28) for out in outs)


def test_where_no_helper_can_be_started_each_thread_makes_its_calls_alone(monkeypatch):
    members.end()

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    a = np.zeros(100_000)
    try:
        for _ in range(members.OFTEN + 3):
            add_one(a)
        assert set(a) == {members.OFTEN + 3.0} and bp.get_num_threads() == 1
    finally:
        bp.set_num_threads(members.MOST)


TWO_THREADS = """
import copy, threading, numpy as np, backprop as bp
bp.manual_seed(0)
x, y = np.random.default_rng(0).random((64, 1, 28, 28), dtype=np.float32), np.arange(64) % 10
below = bp.Conv2d(1, 4, 5), bp.ReLU(), bp.MaxPool2d(2), bp.Flatten()
net = bp.Sequential(*below, bp.Linear(576, 200), bp.ReLU(), bp.Linear(200, 10))
def train(net, losses):
    loss, sgd = bp.CrossEntropyLoss(), bp.optim.SGD(net.parameters(), lr=0.1)
    step = bp.compile(net, loss)
    for k in range(150):
        sgd.zero_grad()
        if k % 2: losses.append(step(x, y)); step.backward()
        else: losses.append(loss(net(x), y)); net.backward(loss.backward())
        sgd.step()
alone, both = [], ([], [])
threads = [threading.Thread(target=train, args=(copy.deepcopy(net), losses)) for losses in both]
train(net, alone)
for thread in threads: thread.start()
for thread in threads: thread.join()
print(alone == both[0] == both[1], alone[-1] < alone[0])
"""


def test_two_python_threads_each_train_a_network():
    assert run(TWO_THREADS) == "True True\n"


FORK = """
import multiprocessing, os, sys, threading, numpy as np, backprop as bp
method, busy = sys.argv[1:]
x = np.random.default_rng(0).random((256, 784), dtype=np.float32)
bp.manual_seed(0)
net = bp.Sequential(bp.Linear(784, 512), bp.ReLU(), bp.Linear(512, 10))
def score(seed): return float(net(x).sum())
if __name__ == "__main__":
    first, stop = score(0), threading.Event()
    def work():
        own = bp.Sequential(bp.Linear(784, 512), bp.ReLU(), bp.Linear(512, 10))
        while not stop.is_set(): own(x)
    other = threading.Thread(target=work)
    if busy == "True": other.start()
    try:
        for _ in range(3):
            with multiprocessing.get_context(method).Pool(2) as pool:
                assert pool.map_async(score, range(8)).get(timeout=60) == [first] * 8
            assert score(0) == first
    finally:
        stop.set()
    print("fine")
"""


@pytest.mark.skipif(not FORKS, reason="this system does not fork")
@pytest.mark.parametrize("busy", [False, True], ids=["alone", "beside a thread that computes"])
def test_workers_that_are_forked_after_a_first_forward_compute(busy):
    warning = "ignore" if busy else "error"  # Python itself warns of a fork beside a thread of the user's
    done = subprocess.run(
        [sys.executable, "-W", warning, "-c", FORK, "fork", str(busy)], capture_output=True, text=True, timeout=200
    )
    assert done.stdout == "fine\n", done.stderr


def test_workers_that_are_spawned_compute(tmp_path):
    script = tmp_path / "spawned.py"
    script.write_text(FORK)
    done = subprocess.run([sys.executable, script, "spawn", "False"], capture_output=True, text=True, timeout=200)
    assert done.stdout == "fine\n", done.stderr


INTERRUPTED = """
import _thread, random, signal, sys, threading, time, numpy as np, backprop as bp
bp.manual_seed(0)
net, loss = bp.Sequential(bp.Linear(784, 300), bp.ReLU(), bp.Linear(300, 10)), bp.CrossEntropyLoss()
x, y = np.random.default_rng(0).random((64, 784), dtype=np.float32), np.arange(64) % 10
step = bp.compile(net, loss)
expected = step(x, y)
count = 0
for trial in range(int(sys.argv[1])):
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0002, 0.01))
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        while True:
            step(x, y)
            step.backward()
    except KeyboardInterrupt:
        count += 1
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    step = bp.compile(net, loss) if trial % 10 == 0 else step
    assert step(x, y) == expected and loss(net(x), y) == expected
print(count)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no timers that interrupt")
def test_interrupts_within_steps_leave_all_numbers_right():
    assert run(INTERRUPTED, TRIALS) == f"{TRIALS}\n"


ENDED = """
import os, signal, sys, threading, time, numpy as np, backprop as bp
how = sys.argv[1]
net, x = bp.Sequential(bp.Linear(784, 512), bp.ReLU(), bp.Linear(512, 512)), np.ones((256, 784), np.float32)
net(x)
def work():
    while True: net(x)
if how == "exit": threading.Timer(0.01, sys.exit).start()  # a thread that ends, while the main one raises
threading.Thread(target=work, daemon=True).start()
for _ in range(20): bp.ReLU()(np.ones((300, 300), np.float32))
if how == "exit": sys.exit(7)
if how == "_exit": os._exit(7)
if how == "kill": os.kill(os.getpid(), signal.SIGTERM)
if how == "raise": raise SystemExit(7)
"""


@pytest.mark.parametrize("how", ["exit", "_exit", "kill", "raise"])
def test_a_process_that_ends_in_the_middle_of_a_step_ends(how):
    for _ in range(-(-TRIALS // 4)):
        done = subprocess.run([sys.executable, "-c", ENDED, how], capture_output=True, text=True, timeout=60)
        assert done.returncode == (7 if how != "kill" else -15) and done.stderr == "", done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no taskset")
def test_a_process_that_may_use_one_core_has_no_team():
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import threading, numpy as np, backprop as bp
print(bp.Linear(300, 300)(np.ones((300, 300), np.float32)).shape, bp.get_num_threads(), threading.active_count())
"""
    assert run(code) == "(300, 300) 1 1\n"


@needs_two_cores
def test_idle_helpers_take_neither_the_interpreter_nor_a_core():
    code = """
import os, time, numpy as np, backprop as bp
layer, x = bp.Linear(784, 512), np.ones((256, 784), np.float32)
for _ in range(30): layer(x)
time.sleep(0.1)
before = time.process_time()
time.sleep(1)
print(time.process_time() - before < 0.05)
"""
    assert run(code) == "True\n"
