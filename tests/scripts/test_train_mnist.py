"""The training script as a user runs it."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import data_tools

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_mnist.py"
PICTURES = {"curves.png", "confusion.png", "mistakes.png", "weights.png"}


def run(*arguments, **options):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_it_trains_and_leaves_pictures_and_metrics(small_digits, tmp_path, model):
    out = tmp_path / "out"
    done = run("--model", model, "--data", small_digits, "--epochs", 3, "--batch-size", 16, "--out", out)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == PICTURES | {"metrics.json"}
    for name in PICTURES:
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["test_accuracy"] > 0.75
    assert metrics["test_accuracy"] == metrics["epochs"][-1]["test_accuracy"]
    assert len(metrics["losses"]) == 3 * math.ceil(600 / 16)
    assert not metrics["interrupted"]
    assert f"test accuracy {metrics['test_accuracy']:.2%}" in done.stdout
    assert "Linear(in_features=784" in done.stdout
    assert "loss" in done.stderr
    assert "images/s" in done.stderr


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
        "add Linear(784, 10) behind it"
    )
    assert not (tmp_path / "out").exists()


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
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    seen = b""
    while b"loss" not in seen:
        seen += os.read(process.stderr.fileno(), 1000)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
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
        (["--batch-size", "0"], "batch_size must be at least 1, got 0"),
        (["--lr", "-1"], "lr must be >= 0, got -1.0"),
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


def test_offline_it_says_so_loudly_and_draws_digits(script, tmp_path, monkeypatch, capsys):
    train_mnist = script("train_mnist")

    def offline(name):
        raise data_tools.DownloadError("no mirror gave a sound file")

    drawn = []

    def few(folder):
        drawn.append(folder)
        return data_tools.digits.synthesize(folder, train=100, test=20)

    monkeypatch.setattr(train_mnist, "cached", lambda name: None)
    monkeypatch.setattr(train_mnist, "cache_directory", lambda name: tmp_path / name)
    monkeypatch.setattr(data_tools, "fetch", offline)
    monkeypatch.setattr(data_tools, "synthesize", few)
    for _ in range(2):
        data, source = train_mnist.find_data("auto")
        assert source == "synthesized digits"
        assert len(data.train_images) == 100
        assert "*** OFFLINE: MNIST could not be downloaded." in capsys.readouterr().out
    assert drawn == [tmp_path / "synthetic"]
    with pytest.raises(data_tools.DownloadError):
        train_mnist.find_data("mnist")


def test_a_cached_mnist_is_taken_without_asking_anybody(script, small_digits, monkeypatch):
    train_mnist = script("train_mnist")
    monkeypatch.setattr(train_mnist, "cached", lambda name: small_digits)
    monkeypatch.setattr(data_tools, "fetch", lambda name: pytest.fail("asked"))
    data, source = train_mnist.find_data("auto")
    assert (source, len(data.train_images)) == ("mnist", 600)


@pytest.mark.parametrize(("model", "accuracy"), [("linear", 0.915), ("mlp", 0.975)])
def test_five_epochs_on_real_mnist_reach_the_promised_accuracy(mnist_folder, tmp_path, model, accuracy):
    for seed in (0, 1, 2):
        done = run("--model", model, "--data", mnist_folder, "--seed", seed, "--out", tmp_path / "out")
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / "out" / "metrics.json").read_text())["test_accuracy"] >= accuracy


def test_the_stalled_model_ends_near_the_entropy_of_the_labels_on_real_mnist(mnist_folder, tmp_path):
    done = run("--model", "bias", "--allow-wrong-classes", "--data", mnist_folder, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["epochs"][-1]["train_loss"] == pytest.approx(2.305, abs=0.01)
