"""scripts/live.py: the page of a model or of a run's weights, served until Ctrl-C, or frozen into a file."""

import importlib.util
import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

import backprop as bp
import data_tools
from backprop.models.networks import MODELS

SCRIPT = Path(__file__).parents[2] / "scripts" / "live.py"
websockets = importlib.util.find_spec("websockets")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return data_tools.synthesize(tmp_path_factory.mktemp("digits"), 300, 50)


def test_a_page_is_recorded_with_the_numbers_of_its_network(tmp_path, script, digits, capsys):
    file = tmp_path / "page.html"
    options = ["--model", "mlp", "--data", str(digits), "--steps", "20", "--record", str(file), "--test", "7"]
    assert script("live").main(options) == 0
    assert "it needs no server" in capsys.readouterr().out
    text = file.read_text()
    frozen = json.loads(re.search(r"const FROZEN = (.*);", text)[1])
    assert frozen["hello"]["steps"] == 20 and frozen["test"] == 7
    assert frozen["target"] == data_tools.load(digits).test_labels[7]
    assert "http" not in text.replace("http://www.w3.org", "").replace('replace(/^http/, "ws")', "")


def test_a_runs_weights_are_shown_as_they_are(tmp_path, script, digits):
    net = MODELS["linear"]()
    bp.save(net, tmp_path / "model.safetensors")
    about = {"options": {"model": "linear", "image": [1, 28, 28], "classes": 10, "names": []}}
    (tmp_path / "metrics.json").write_text(json.dumps(about))
    studio, learned = script("live").open_studio(str(tmp_path / "model.safetensors"), data_tools.load(digits))
    assert learned and np.array_equal(studio.net[1].weight.data, net[1].weight.data)
    studio.close()


@pytest.mark.parametrize(
    "options, words",
    [
        (["--model", "lenot"], "lenot"),
        (["--record", "/nowhere/page.html", "--steps", "0"], "/nowhere"),
        (["--record", "page.html", "--steps", "0", "--test", "50"], "there are 50 test images"),
        (["--record", "page.html", "--steps", "0", "--class", "11"], "11"),
    ],
)
def test_what_cannot_be_shown_is_said(options, words, script, digits, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert script("live").main(["--data", str(digits), *options]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.skipif(not websockets, reason="the live page needs the extra `web`")
def test_it_serves_the_page_until_interrupted(digits):
    command = [sys.executable, str(SCRIPT), "--data", str(digits), "--model", "mlp", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = next(line.split()[1] for line in process.stdout if line.startswith("open "))
            with urllib.request.urlopen(address, timeout=20) as page:
                assert "Draw a digit" in page.read().decode()
            process.send_signal(signal.SIGINT)
            assert "ended" in process.stdout.read() and process.wait(20) == 130
        finally:
            process.kill()


def test_without_the_package_it_says_what_to_install(script, digits, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "websockets.asyncio.server", None)
    monkeypatch.delitem(sys.modules, "backprop.lecture.live.server", raising=False)
    assert script("live").main(["--data", str(digits), "--model", "mlp", "--no-browser"]) == 1
    assert "pip install -e '.[web]'" in capsys.readouterr().err
