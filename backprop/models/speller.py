"""A transformer that spells: it reads a word letter by letter and says which letter comes next.  Lecture A 59:22.

The same layers that read images in squares read sentences in letters; all that is new is order. A letter must not see
those that come after it, which it is to guess: attention is causal. So one pass over a word of T letters teaches T
guesses at once, and to invent a word is to guess one letter after another.
"""

import numpy as np

from backprop import functional as F
from backprop.errors import ShapeError
from backprop.graph import Graph, Value
from backprop.kernels.device import to_host
from backprop.layers import Embedding, Linear
from backprop.models.transformer import TransformerEncoder, TransformerEncoderLayer
from backprop.module import Parameter
from backprop.module.options import above_zero, whole
from backprop.module.rng import generator

END = 0  # the sign before the first letter and behind the last one
NOTHING = -100  # a label that no guess is compared with


class Speller(Graph):
    """Signs (N, T), integers in [0, V), -> scores (N, V, T) of the sign that comes next, at each place.

        u[n,t] = E[sign[n,t]] + position[t]          E (V, D), position (T, D)
        out    = scores of a causal TransformerEncoder's output, by a Linear layer

    `longest` is the largest T. Its CrossEntropyLoss takes labels (N, T).
    """

    recordable = True

    def __init__(self, signs, longest=16, width=16, heads=4, layers=1):
        self.embed = Embedding(whole("signs", signs, 2), width)
        self.positions = Parameter(
            generator().normal(0, 0.02, (whole("longest", longest, 1), width)).astype(np.float32)
        )
        layer = TransformerEncoderLayer(width, heads, 4 * width, 0.0, batch_first=True, norm_first=True)
        self.encoder, self.scores = TransformerEncoder(layer, layers), Linear(width, signs)

    def build(self, signs):
        steps, longest = signs.shape[1], len(self.positions.data)
        self.expect(steps <= longest, f"at most {longest} signs in a row", got=signs)
        u = self.embed(signs) + Value(self.positions)[:steps]
        return self.scores(self.encoder(u, is_causal=True)).transpose(0, 2, 1)


def alphabet_of(words):
    """All letters of some words, in order: the sign n + 1 is the letter n, END is no letter."""
    return "".join(sorted(set().union(*words)))


def spelled(words, alphabet, longest):
    """(signs, labels), each (N, longest): of a word END and its letters, and its letters and END; then NOTHING."""
    signs, labels = np.zeros((len(words), longest), np.int64), np.full((len(words), longest), NOTHING)
    for n, word in enumerate(words):
        if len(word) >= longest or set(word) - set(alphabet):
            raise ShapeError(f"expects words of at most {longest - 1} letters among {alphabet!r}, got {word!r}")
        letters = [alphabet.index(letter) + 1 for letter in word]
        signs[n, 1 : 1 + len(word)], labels[n, : len(word)], labels[n, len(word)] = letters, letters, END
    return signs, labels


def invent(net, alphabet, count=10, temperature=1.0, seed=0):
    """`count` words, letter by letter: each is drawn with the probability that the network gives it.

    A `temperature` below 1 makes likely letters more likely, one above 1 less.
    """
    rng, longest = np.random.default_rng(seed), len(net.positions.data)
    signs, open_ = np.full((whole("count", count), 1), END), np.ones(count, bool)
    above_zero("temperature", temperature)
    with net.evaluating():
        while signs.shape[1] <= longest and open_.any():
            scores = to_host(net(signs))[:, :, -1].astype(np.float64)
            shares = F.softmax(scores / temperature, 1).cumsum(axis=1)
            drawn = (rng.random((count, 1)) * shares[:, -1:] >= shares).sum(axis=1)
            signs = np.column_stack([signs, np.where(open_, drawn, END)])
            open_ &= signs[:, -1] != END
    return ["".join(alphabet[sign - 1] for sign in row if sign != END) for row in signs.tolist()]
