"""scripts/predict.py: what a trained network says about pictures, grey and coloured."""

import json

import numpy as np
import pytest
from PIL import Image

import backprop as bp
from backprop.models.networks import MODELS


@pytest.fixture
def trained(tmp_path):
    """A function that writes a run: weights that prefer class 1 for bright images, and what is known about them."""

    def made(image, names):
        net = MODELS["linear"](image=image, classes=3)
        net[1].weight.data[...] = np.array([[-1.0], [1], [0]]) / np.prod(image)
        net[1].bias.data[...] = [0.1, -0.1, -5]
        bp.save(net, tmp_path / "model.safetensors")
        options = {"model": "linear", "image": image, "classes": 3, "names": names}
        (tmp_path / "metrics.json").write_text(json.dumps({"options": options}))
        return tmp_path / "model.safetensors"

    return made


def picture(path, colour, size=(40, 30)):
    Image.new("RGB", size, colour).save(path)
    return str(path)


def test_it_names_the_likeliest_classes(tmp_path, trained, script, capsys):
    weights = trained((3, 8, 8), ["night", "day", "dusk"])
    pictures = [picture(tmp_path / "a.png", (250, 250, 250)), picture(tmp_path / "b.png", (0, 0, 0))]
    assert script("predict").main([str(weights), *pictures, "--top", "2"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "a.png" in first and first.index("day") < first.index("night") and "dusk" not in first
    assert second.index("night") < second.index("day")


def test_ink_on_paper_becomes_bright_on_black(tmp_path, trained, script, capsys):
    weights = trained((1, 8, 8), [])
    assert script("predict").main([str(weights), picture(tmp_path / "white.png", (255, 255, 255)), "--top", "1"]) == 0
    assert capsys.readouterr().out.split()[1] == "0"  # black now


def test_what_cannot_be_answered_is_said(tmp_path, trained, script, capsys):
    weights = trained((1, 8, 8), [])
    (tmp_path / "no.png").write_text("no picture")
    assert script("predict").main([str(weights), str(tmp_path / "no.png")]) == 1
    assert "no.png is not an image" in capsys.readouterr().err
    (tmp_path / "metrics.json").write_text("{}")
    assert script("predict").main([str(weights), picture(tmp_path / "a.png", (0, 0, 0))]) == 1
    assert "does not say what network" in capsys.readouterr().err
    (tmp_path / "metrics.json").unlink()
    assert script("predict").main([str(weights), picture(tmp_path / "a.png", (0, 0, 0))]) == 1
    assert "metrics.json is not there" in capsys.readouterr().err
