"""The training script as a user runs it."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import data_tools

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_mnist.py"
PICTURES = {"curves.png", "confusion.png", "mistakes.png"}
KEPT = {"metrics.json", "model.safetensors", "checkpoint.safetensors"}
FIRST_LAYER = {"linear": {"weights.png"}, "mlp": {"weights.png"}, "lenet": {"filters.png", "maps.png"}}
FIRST_LAYER |= {"cnn": FIRST_LAYER["lenet"], "residual": {"weights.png"}, "branches": {"filters.png", "maps.png"}}
FIRST_LAYER["recurrent"] = set()
EXPLAINED = {"explain.html", "explain.json", "explain-depth.png", "explain-training.png"}


def interruptible(command):
    """A process that hears Ctrl-C although whoever runs the tests may not: a shell starts what is to run in the
    background with SIGINT ignored, and its children inherit that.
    """
    hears = None if os.name == "nt" else lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hears)


def run(*arguments, **options):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=1200, **options)


@pytest.mark.parametrize("model", FIRST_LAYER)
def test_it_trains_and_leaves_pictures_and_metrics(small_digits, tmp_path, model):
    out = tmp_path / "out"
    done = run("--model", model, "--data", small_digits, "--epochs", 3, "--batch-size", 16, "--out", out)
    assert done.returncode == 0, done.stderr
    pictures = PICTURES | FIRST_LAYER[model]
    assert {path.name for path in out.iterdir()} == pictures | KEPT
    for name in pictures:
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["test_accuracy"] > (0.5 if model == "recurrent" else 0.7)
    assert metrics["test_accuracy"] == metrics["epochs"][-1]["test_accuracy"]
    assert len(metrics["losses"]) == 3 * math.ceil(600 / 16)
    assert not metrics["interrupted"]
    assert f"test accuracy {metrics['test_accuracy']:.2%}" in done.stdout
    assert re.search(r"Linear\(\d+, 10\)", done.stdout)
    assert "loss" in done.stderr
    assert "images/s" in done.stderr


def test_a_network_that_explains_itself_learns_the_same(small_digits, tmp_path):
    options, losses = ("--data", small_digits, "--epochs", 1, "--seed", 5), []
    for explain in ((), ("--explain",)):
        done = run(*options, "--out", tmp_path / "out", *explain)
        assert done.returncode == 0, done.stderr
        losses.append(json.loads((tmp_path / "out" / "metrics.json").read_text())["losses"])
    assert losses[0] == losses[1]
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES | FIRST_LAYER["mlp"] | KEPT | EXPLAINED
    assert "u₁ = a₀′X₁ᵀ + μ₁" in done.stdout and "on its way back from layer 3 to 1 delta goes" in done.stdout
    assert "u₁ = a₀′X₁ᵀ + μ₁" in (tmp_path / "out" / "explain.html").read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_losses_whatever_the_threads(small_digits, tmp_path):
    losses = []
    for place, threads in (("a", 1), ("b", 2)):
        options = ("--data", small_digits, "--epochs", 1, "--seed", 5, "--threads", threads, "--out", tmp_path / place)
        done = run(*options, env={**os.environ, "NUMBA_NUM_THREADS": "2"})
        assert done.returncode == 0, done.stderr
        losses.append(json.loads((tmp_path / place / "metrics.json").read_text())["losses"])
    assert losses[0] == losses[1]


def test_the_stalled_model_is_refused_and_says_why(small_digits, tmp_path):
    done = run("--model", "bias", "--data", small_digits, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        "error: the last layer, Bias(num_features=784), puts out 784 scores, but the labels are of 10 classes: "
        "add Linear(784, 10) after it"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_the_stalled_model_stalls_when_allowed(small_digits, tmp_path):
    out = tmp_path / "out"
    done = run("--model", "bias", "--allow-wrong-classes", "--data", small_digits, "--epochs", 20, "--out", out)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    assert 2.25 < metrics["losses"][-1] < 2.6
    assert not (out / "weights.png").exists()


def test_ctrl_c_keeps_what_there_is_and_exits_130(small_digits, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, SCRIPT, "--data", small_digits, "--epochs", "100000", "--out", out]
    process = interruptible(command)
    seen = b""
    while b"loss" not in seen:
        seen += os.read(process.stderr.fileno(), 1000)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130, errors
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["interrupted"]
    assert metrics["losses"]
    assert (out / "curves.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nowhere"], "nowhere has neither train-images-idx3-ubyte.gz nor train-images-idx3-ubyte"),
        (["--threads", "99999"], "threads must be from 1 to"),
        (["--lr", "-1"], "lr must be >= 0 and finite, got -1.0"),
        (["--out", __file__], "File exists"),
        (["--lr", "1e30"], "NaN or infinity"),
    ],
)
def test_bad_arguments_get_one_line_and_exit_status_1(small_digits, tmp_path, arguments, words):
    done = run("--data", small_digits, "--out", tmp_path / "out", *arguments)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert words in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--batch-size", "0"], "argument --batch-size: must be at least 1, got 0"),
        (["--epochs", "0"], "argument --epochs: must be at least 1, got 0"),
        (["--seed", "-1"], "argument --seed: must be at least 0, got -1"),
        (["--threads", "x"], "argument --threads: invalid whole number value: 'x'"),
    ],
)
def test_arguments_out_of_range_are_refused_at_once(script, capsys, arguments, words):
    with pytest.raises(SystemExit) as ended:
        script("train_mnist").main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def write_data(folder, shape=(28, 28), train=40, test=20, train_labels=10, test_labels=10):
    rng = np.random.default_rng(0)
    for part, count, labels in (("train", train, train_labels), ("t10k", test, test_labels)):
        images = rng.integers(0, 256, (count, *shape)).astype(np.uint8)
        data_tools.write(folder / f"{part}-images-idx3-ubyte", images)
        data_tools.write(folder / f"{part}-labels-idx1-ubyte", (np.arange(count) % labels).astype(np.uint8))
    return folder


@pytest.mark.parametrize("shape", [(32, 32), (8, 12)])
def test_images_of_another_size_train_too(tmp_path, shape):
    data = write_data(tmp_path / "data", shape)
    done = run("--data", data, "--epochs", 1, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES | FIRST_LAYER["mlp"] | KEPT


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"train": 0}, "no train images, their shape is (0, 28, 28)"),
        ({"test": 0}, "no test images"),
        ({"shape": (0, 0)}, "no train images"),
        ({"train_labels": 9}, "the test set has label 9, the training set only 0 to 8"),
    ],
)
def test_data_that_cannot_be_learned_is_refused_before_training(tmp_path, options, words):
    done = run("--data", write_data(tmp_path / "data", **options), "--epochs", 1, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_run_that_diverges_in_its_last_step_says_so(tmp_path):
    data = write_data(tmp_path / "data")
    done = run("--data", data, "--epochs", 1, "--batch-size", 40, "--lr", "1e38", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: step 1: ")


def test_the_first_run_says_that_it_compiles_and_the_second_does_not(small_digits, tmp_path):
    options = ("--data", small_digits, "--epochs", 1, "--out", tmp_path / "out")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    first = run(*options, env=environment).stderr
    assert re.search(r"compiling kernels, once \((by_strips|\d+ left, about \d+ s|the last ones)\)", first), first
    assert "compiling" not in run(*options, env=environment).stderr


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "step", "onecycle", "constant"])
def test_every_optimizer_goes_with_every_schedule(script, small_digits, tmp_path, capsys, optimizer, schedule):
    arguments = ["--model", "linear", "--data", small_digits, "--out", tmp_path / "out", "--epochs", "1"]
    arguments += ["--optimizer", optimizer, "--schedule", schedule]
    assert script("train_mnist").main(list(map(str, arguments))) == 0
    assert "test accuracy" in capsys.readouterr().out


def test_a_run_interrupted_by_ctrl_c_resumes_and_ends_in_the_same_bits(small_digits, tmp_path):
    options = ("--model", "cnn", "--data", small_digits, "--epochs", 3, "--batch-size", 16)
    assert run(*options, "--out", tmp_path / "whole").returncode == 0
    command = [sys.executable, SCRIPT, *map(str, options), "--out", tmp_path / "out"]
    process = interruptible(command)
    seen = b""
    while b"accuracy" not in seen:
        seen += os.read(process.stderr.fileno(), 1000)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130, errors
    stopped = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert 0 < len(stopped["losses"]) < 3 * 38
    done = run(*options, "--out", tmp_path / "out", "--resume")
    assert done.returncode == 0, done.stderr
    assert f"resumed after {len(stopped['losses'])} of 114 steps" in done.stdout
    runs = [json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("whole", "out")]
    assert runs[0]["losses"] == runs[1]["losses"]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "out")]
    assert weights[0] == weights[1]


def test_resuming_what_is_not_there_or_another_run_is_refused(small_digits, tmp_path):
    options = ("--model", "linear", "--data", small_digits, "--epochs", 1, "--out", tmp_path / "out")
    done = run(*options, "--resume")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: there is no file ")
    assert run(*options).returncode == 0
    done = run(*options, "--resume", "--seed", 1, "--lr", 0.2)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("other options: lr was 0.1, now 0.2, seed was 0, now 1")


@pytest.mark.parametrize(
    ("model", "epochs", "seeds", "accuracy"),
    [
        ("linear", 5, (0, 1, 2), 0.915),
        ("mlp", 5, (0, 1, 2), 0.975),
        ("lenet", 5, (0,), 0.988),  # seeds 1 and 2, and the ten epochs of cnn, are in the README's table
        ("cnn", 1, (0,), 0.98),
        ("residual", 2, (0,), 0.97),
        ("recurrent", 2, (0,), 0.95),
    ],
)
def test_on_real_mnist_the_promised_accuracy_is_reached(mnist_folder, tmp_path, model, epochs, seeds, accuracy):
    for seed in seeds:
        options = ("--model", model, "--data", mnist_folder, "--epochs", epochs, "--seed", seed)
        done = run(*options, "--out", tmp_path / "out")
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / "out" / "metrics.json").read_text())["test_accuracy"] >= accuracy


def test_the_stalled_model_ends_near_the_entropy_of_the_labels_on_real_mnist(mnist_folder, tmp_path):
    done = run("--model", "bias", "--allow-wrong-classes", "--data", mnist_folder, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["epochs"][-1]["train_loss"] == pytest.approx(2.305, abs=0.01)


def test_without_a_learning_rate_a_coloured_image_gets_a_smaller_one(script):
    """With 0.05, whose first steps are too large there, one seed in two ended ten points lower."""
    usual = script("train_mnist").usual_lr
    assert (usual("sgd", "cnn", False), usual("sgd", "cnn", True)) == (0.05, 0.02)
    assert usual("sgd", "mlp", True) == 0.1 and usual("adam", "cnn", True) == 0.001
