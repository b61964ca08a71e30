"""scripts/compare.py: a table and a picture of runs that are there, and a word about those that are not."""

import json

import pytest
from PIL import Image


@pytest.fixture
def runs(tmp_path):
    for name, last in (("cnn", 0.9), ("mlp", 0.8)):
        epochs = [
            {"seconds": 2.0, "train_accuracy": 0.5, "test_accuracy": 0.4},
            {"seconds": 3.0, "train_accuracy": 0.75, "test_accuracy": last},
        ]
        found = {"test_accuracy": last, "seconds": 6.5, "peak_memory_mb": 321.0, "epochs": epochs}
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(found))
    return [str(tmp_path / "cnn"), str(tmp_path / "mlp")]


def test_runs_are_listed_and_drawn(script, runs, tmp_path, capsys):
    picture = tmp_path / "compared.png"
    assert script("compare").main([*runs, "--out", str(picture)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["cnn", "90.00%", "75.00%", "2", "6", "321"]
    assert all(len(line) <= 80 for line in lines[:3]) and lines[3] == str(picture)
    with Image.open(picture) as image:
        assert image.width > 800


def test_a_folder_without_metrics_is_named(script, runs, tmp_path, capsys):
    assert script("compare").main([*runs, str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err
