"""The transformer that spells: order, a case by hand, its gradients, what it learns, and the script around it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import backprop as bp
from backprop.errors import ShapeError
from backprop.models import speller

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("names_script", SCRIPTS / "names.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_words_as_signs_and_labels_by_hand():
    signs, labels = speller.spelled(["ab", "b"], "ab", 4)
    assert signs.tolist() == [[0, 1, 2, 0], [0, 2, 0, 0]]
    assert labels.tolist() == [[1, 2, 0, -100], [2, 0, -100, -100]]
    assert speller.alphabet_of(["ba", "cab"]) == "abc"
    for word in ("abab", "abc"):
        with pytest.raises(ShapeError, match="at most 3 letters among 'ab'"):
            speller.spelled([word], "ab", 4)


def test_a_letter_does_not_see_those_that_come_after_it(rng):
    net = speller.Speller(5, longest=6)
    signs = rng.integers(0, 5, (3, 6))
    whole = net(signs)
    for t in range(1, 6):
        np.testing.assert_allclose(net(signs[:, :t]), whole[:, :, :t], rtol=1e-5, atol=1e-6)
        other = signs.copy()
        other[:, t:] = (other[:, t:] + 1) % 5
        assert np.array_equal(net(other)[:, :, :t], whole[:, :, :t])
        assert not np.allclose(net(other)[:, :, t], whole[:, :, t])


def test_its_gradients_are_those_of_differences(rng):
    bp.manual_seed(0)
    assert speller.Speller(4, longest=5, width=4, heads=2).check(rng.integers(0, 4, (2, 4))).ok


def test_a_step_is_recorded_and_its_bits_are_those_of_the_layers(rng):
    signs, labels = rng.integers(0, 5, (8, 6)), rng.integers(0, 5, (8, 6))
    found = []
    for recorded in (True, False):
        bp.manual_seed(1)
        net, loss = speller.Speller(5, longest=6), bp.CrossEntropyLoss(ignore_index=speller.NOTHING)
        adam = bp.AdamW(net.parameters(), lr=0.01)
        step = bp.compile(net, loss, optimizer=adam)
        for _ in range(4):
            if recorded:
                step.train(signs, labels)
                assert step.reason is None
            else:
                adam.zero_grad()
                loss(net(signs), labels)
                net.backward(loss.backward())
                adam.step()
        found.append(net.state_dict())
    assert all(found[0][name].tobytes() == found[1][name].tobytes() for name in found[0])


def test_letters_are_drawn_as_often_as_the_network_says():
    net = speller.Speller(3, longest=2)
    for parameter in net.parameters():
        parameter.data[...] = 0
    net.scores.bias.data[...] = np.log([0.5, 0.2, 0.3])
    words = speller.invent(net, "ab", 4000)
    shares = [np.mean([word[:1] == first for word in words]) for first in ("", "a", "b")]
    np.testing.assert_allclose(shares, [0.5, 0.2, 0.3], atol=0.03)
    assert max(map(len, words)) == 2 and words == speller.invent(net, "ab", 4000)
    cold = speller.invent(net, "ab", 500, temperature=0.05)
    assert np.mean([word == "" for word in cold]) > 0.99


def test_it_learns_which_letter_follows_and_invents_such_words():
    """Words in which a consonant and a vowel take turns: invented ones do so, too."""
    bp.manual_seed(0)
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("bdk" if n % 2 == 0 else "aeo")) for n in range(6)) for _ in range(200)]
    signs, labels = speller.spelled(words, "abdeko", 7)
    net, loader = speller.Speller(7, longest=7), bp.DataLoader(signs, labels, 20, shuffle=True, seed=0, dtype=int)
    adam, loss = bp.AdamW(net.parameters(), lr=0.01), bp.CrossEntropyLoss(ignore_index=speller.NOTHING)
    history = bp.fit(net, loss, adam, loader, epochs=20, progress=False)
    assert history.epochs[-1].train_loss < 1.0 < 1.1 < history.losses[0]  # log 3 = 1.10 for letters, 0 for the end
    invented = speller.invent(net, "abdeko", 50)
    good = [len(w) == 6 and all((c in "bdk") == (n % 2 == 0) for n, c in enumerate(w)) for w in invented]
    assert np.mean(good) > 0.9 and len(set(invented)) > 40


def test_the_script_learns_invents_and_refuses_a_text_without_words(script, tmp_path, capsys):
    text = tmp_path / "words.txt"
    text.write_text(" ".join(f"{a}{b}{a}" for a in "bdkm" for b in "aeiou"))
    assert script.main(["--text", str(text), "--epochs", "2", "--count", "3"]) == 0
    out = capsys.readouterr().out
    assert "20 words of 9 letters" in out and len(out.splitlines()) == 5
    text.write_text("one two")
    assert script.main(["--text", str(text)]) == 1
    assert script.main(["--text", str(tmp_path / "none")]) == 1
    assert "at least 20 different words" in capsys.readouterr().err


def test_the_names_that_are_shipped_make_a_network_of_some_four_thousand_parameters():
    words = (SCRIPTS / "names.txt").read_text().split()
    assert len(words) == len(set(words)) == 950 and speller.alphabet_of(words) == "abcdefghijklmnopqrstuvwxyz"
    net = speller.Speller(27, longest=max(map(len, words)) + 1)
    assert 4000 < sum(parameter.size for parameter in net.parameters()) < 4500
