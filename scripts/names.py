"""Learn to spell: a transformer of some 4,000 numbers reads a thousand names, letter by letter, and invents new ones.

    python scripts/names.py                          names
    python scripts/names.py --text FILE              words of a text of your own
    python scripts/names.py --temperature 0.5        likelier ones

It is what a large language model is, but for its size: backprop/models/speller.py.
"""

import argparse
import sys
import time
from pathlib import Path

import backprop as bp
from backprop.models import speller
from backprop.training.data import split
from data_tools import terminal

NAMES = Path(__file__).with_name("names.txt")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, default=NAMES, help="a file of words, UTF-8")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=20, help="how many to invent")
    parser.add_argument("--temperature", type=float, default=0.7, help="below 1: likelier letters; above: wilder ones")
    options = parser.parse_args(arguments)
    try:
        return learn(options)
    except (bp.BackpropError, OSError, UnicodeDecodeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def learn(options):
    bp.manual_seed(options.seed)
    words = sorted(set(options.text.read_text("utf-8").lower().split()))
    if len(words) < 20:
        raise bp.OptionError(f"expects at least 20 different words in {options.text}, got {len(words)}")
    alphabet, longest = speller.alphabet_of(words), max(map(len, words)) + 1
    signs, labels = speller.spelled(words, alphabet, longest)
    learned, held = split(len(words), 0.1, options.seed)
    train = bp.DataLoader(signs[learned], labels[learned], 32, shuffle=True, seed=options.seed, dtype=int)
    test = bp.DataLoader(signs[held], labels[held], 64, dtype=int)

    net = speller.Speller(len(alphabet) + 1, longest)
    loss = bp.CrossEntropyLoss(ignore_index=speller.NOTHING)
    adam = bp.AdamW(net.parameters(), lr=options.lr)
    schedule = bp.LinearLR(adam, 1, 0, total_iters=options.epochs * len(train))
    count = sum(parameter.size for parameter in net.parameters())
    print(f"{len(words)} words of {len(alphabet)} letters, {count:,} parameters")
    start = time.perf_counter()
    history = bp.fit(net, loss, adam, train, test, options.epochs, schedule, keep_best=True)
    if not history.epochs:
        return 130
    best = history.epochs[history.best_epoch]
    guess = f"{best.test_accuracy:.0%} of the letters of words that were held out are guessed right"
    print(f"{time.perf_counter() - start:.1f} s, loss {best.test_loss:.3f}; {guess}")
    known = set(words)
    for word in speller.invent(net, alphabet, options.count, options.temperature, options.seed):
        print(f"  {word}" + ("  (a known one)" if word in known else ""))
    return 0


if __name__ == "__main__":
    sys.exit(terminal.run(main))
