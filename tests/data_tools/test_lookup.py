"""A data set by one word: from the cache, or drawn where nothing can be downloaded."""

import pytest

import data_tools
from data_tools import lookup


def test_offline_it_says_so_loudly_and_draws_digits(tmp_path, monkeypatch, capsys):
    def offline(name):
        raise data_tools.DownloadError("no mirror gave a sound file")

    drawn = []

    def few(folder, progress):
        drawn.append(folder)
        return data_tools.digits.synthesize(folder, train=100, test=20)

    monkeypatch.setattr(lookup, "cached", lambda name: None)
    monkeypatch.setattr(lookup, "cache_directory", lambda name: tmp_path / name)
    monkeypatch.setattr(lookup, "fetch", offline)
    monkeypatch.setitem(lookup.DRAWN, "synthetic", (few, 120, "digits"))
    for _ in range(2):
        data, source = data_tools.find("auto")
        assert source == "synthesized digits"
        assert len(data.train_images) == 100
        assert "*** OFFLINE: MNIST could not be downloaded." in capsys.readouterr().out
    assert drawn == [tmp_path / "synthetic"]
    with pytest.raises(data_tools.DownloadError):
        data_tools.find("mnist")


def test_a_cached_mnist_is_taken_without_asking_anybody(small_digits, monkeypatch):
    monkeypatch.setattr(lookup, "cached", lambda name: small_digits)
    monkeypatch.setattr(lookup, "fetch", lambda name: pytest.fail("asked"))
    data, source = data_tools.find("auto")
    assert (source, len(data.train_images)) == ("mnist", 600)
