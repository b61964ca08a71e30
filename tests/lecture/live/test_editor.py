"""The editor's lines are read by a list of what is known, and nothing of them is run."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backprop as bp
from backprop.errors import OptionError
from backprop.lecture.live import editor
from backprop.models.networks import MODELS
from backprop.module.rng import generator

MNIST = (1, 28, 28)
NET = "net = bp.Sequential(bp.Flatten(), bp.Linear(784, 10))\n"


def read(text):
    return editor.read(text, MNIST, 10)


@pytest.mark.parametrize("image", [MNIST, (3, 32, 32)])
@pytest.mark.parametrize("model", MODELS)
def test_a_model_comes_back_from_its_text_with_the_same_weights(model, image):
    found = editor.read(editor.written(model, image, 10), image, 10).net
    bp.manual_seed(0)
    wanted = MODELS[model](image=image, classes=10)
    assert repr(found) == repr(wanted)
    for name, array in wanted.state_dict().items():
        assert np.array_equal(array, found.state_dict()[name]), name


def test_layers_are_written_as_one_would_type_them():
    assert "    bp.Conv2d(1, 6, 5, padding=2),\n    bp.ReLU(),\n    bp.MaxPool2d(2),\n" in editor.written(
        "lenet", MNIST, 10
    )


def test_all_statements_are_understood():
    text = """bp.manual_seed(7)
net = bp.Sequential(bp.Flatten(), bp.Linear(784, 20), bp.Tanh(), bp.Linear(20, 10))
for p in net.parameters():
    bp.init.normal_(p, std=0.5)
optimizer = bp.Adam(net.parameters(), lr=0.01, betas=(0.8, 0.9))
batch_size = 16
allow_wrong_classes = True
"""
    found = read(text)
    assert found.batch_size == 16 and found.allow_wrong_classes and isinstance(found.optimizer, bp.Adam)
    assert found.optimizer.param_groups[0]["betas"] == (0.8, 0.9)
    weight = found.net[1].weight.data
    assert abs(weight.std() - 0.5) < 0.02 and abs(found.net[1].bias.data).max() < 0.05
    assert np.array_equal(weight, read(text).net[1].weight.data)


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "__import__('os').system('true')",
        NET + "optimizer = bp.SGD(net.parameters(), lr=open('/etc/passwd'))",
        NET + "x = 1",
        "net = bp.Sequential(bp.Linear(784, (lambda: 10)()))",
        "net = bp.Sequential(*[bp.ReLU()])",
        "net = bp.Sequential(bp.Linear(784, **{'out_features': 10}))",
        "net = bp.Sequential(bp.Sequential.__class__(1))",
        "net = bp.load('x')",
        "net = models.__init__()",
        "net = models.lenet(image=(1, 28, 28))",
        "net = bp.Sequential(bp.Lambda(print))",
        NET + "for p in net.parameters():\n    print(p)",
        NET + "for p in net.parameters():\n    bp.init.load_(p)",
        NET + "for p in [1]:\n    bp.init.zeros_(p)",
        NET + 2 * "for p in net.parameters():\n    bp.init.orthogonal_(p)\n",
        NET + "for p in net.parameters():\n    bp.init.trunc_normal_(p, a=0, b=0)",
        NET + "optimizer = bp.SGD([], lr=1)",
        NET + "batch_size = 0",
        NET + "batch_size = 10**9",
        NET + "allow_wrong_classes = 1",
        NET + "bp.manual_seed(-1)",
        "def f(): pass",
        "net = (",
        "",
        "\0",
        "(" * 5000,
        "x" * 9000,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(OptionError):
        read(text)


@pytest.mark.parametrize(
    "layers",
    [
        "bp.Flatten(), bp.Linear(784, 16000), bp.Linear(16000, 16000)",
        "bp.Linear(10**9, 10**9)",
        "bp.Linear(1000000000, 1000000000)",
        "bp.Conv2d(1, 1024, 31)",
        "bp.Conv2d(1024, 1024, 31)",
        "bp.Conv2d(1, 1, 1, padding=100000)",
        "bp.LayerNorm((10000, 10000))",
        "bp.AdaptiveAvgPool2d((60000, 60000))",
        "bp.AdaptiveAvgPool2d(9000)",
        "bp.MaxPool2d(2, return_indices=True)",
        "bp.Conv2d(1, 1000, 3, padding=1), bp.Conv2d(1000, 1, 31, padding=16)",
        "bp.BatchNorm2d(1e308)",
        "bp.Linear(784, 'ten')",
        "bp.Linear(784, -5)",
        "bp.Linear(784.5, 10)",
        ", ".join(["bp.ReLU()"] * 101),
        "bp.Conv2d(1, 512, 3, padding=1), bp.ReLU(), bp.ReLU(), bp.ReLU()",
    ],
)
def test_what_is_too_large_or_no_layer_is_refused_with_its_line(layers):
    with pytest.raises(OptionError, match="line 2: "):
        read(f"\nnet = bp.Sequential({layers})\n")


def test_a_batch_whose_step_would_take_too_long_is_refused():
    images = "bp.Conv2d(1, 64, 5), bp.ReLU(), bp.Conv2d(64, 64, 5), bp.ReLU()"
    text = f"net = bp.Sequential({images}, bp.Flatten(), bp.Linear(25600, 10))\n"
    read(text + "batch_size = 1")
    with pytest.raises(OptionError, match="too long to watch"):
        read(text + "batch_size = 1024")


def test_a_layer_that_does_not_fit_is_named_with_the_engines_own_words():
    with pytest.raises(OptionError, match=r"line 3: Linear.*Flatten"):
        read("net = bp.Sequential(\n    bp.Conv2d(1, 4, 3),\n    bp.Linear(2704, 10),\n)")


PIECES = st.sampled_from(
    [
        "net",
        "=",
        "bp",
        ".",
        "Sequential",
        "(",
        ")",
        ",",
        "Flatten",
        "Linear",
        "784",
        "10",
        "[",
        "]",
        "{",
        "}",
        "lambda",
        ":",
        "for",
        "p",
        "in",
        "parameters",
        "init",
        "\n",
        "",
        "",
        "",
        "**",
        "*",
        "-",
        "1e9",
        "'x'",
        "None",
    ]
)


@given(st.lists(PIECES, max_size=30))
def test_no_text_does_anything_but_describe_or_be_refused(pieces):
    with contextlib.suppress(OptionError):
        assert isinstance(read(" ".join(pieces)).net, bp.Module)


def test_a_text_that_is_refused_leaves_the_random_numbers_as_they_were():
    bp.manual_seed(5)
    wanted = generator().random()
    bp.manual_seed(5)
    with pytest.raises(OptionError):
        read("bp.manual_seed(1)\n" + NET + "x = 1")
    assert generator().random() == wanted


def test_norms_are_taken_of_as_many_images_as_there_is_time_for():
    large = "bp.Conv2d(1, 300, 3, padding=1), bp.ReLU(), bp.Conv2d(300, 300, 3, padding=1), bp.AdaptiveAvgPool2d(1)"
    found = read(f"net = bp.Sequential({large}, bp.Flatten(), bp.Linear(300, 10))\nbatch_size = 1\n")
    assert 1 <= found.images < 64 and read(NET).images == 256
