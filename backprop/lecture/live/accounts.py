"""Where one number comes from: the formula with these numbers put in, the entries that met in it, and its line of code.

An output of a layer is made of entries of its input, each times a slope; a delta is made of the deltas above it, each
times the same slopes, (7), (13). So both are asked of the layer itself: a delta of 1 at one output, sent through its
`backward`, comes back as the slopes of that output by every input.
"""

import inspect
from typing import NamedTuple

import numpy as np

from backprop.kernels.device import to_host
from backprop.layers import Bias, Flatten, Linear
from backprop.layers.batch_norm import BatchNorm
from backprop.layers.conv import Convolution
from backprop.layers.conv_transpose import TransposedConvolution
from backprop.layers.padding import Padding
from backprop.layers.pool import AvgPooling, MaxPooling
from backprop.lecture.companion import sources
from backprop.lecture.companion.notation import display
from backprop.lecture.formulas import stated
from backprop.loss import CrossEntropyLoss
from backprop.show.explain.names import ACTIVATIONS

MOST_TERMS = 10  # that are written out; the others are added up
MOST_MET = 4096  # entries that are lit up
MOST_ABOVE = 1024  # deltas above of which one delta is made, the largest
GRAPH = 1e-3  # of the largest part: what is missing more than this is no rounding
STEP = 0.05  # of a perturbation that finds the outputs an entry met, relative to 1 or the entry
SUMS = (Linear, Bias, Convolution, TransposedConvolution, AvgPooling, BatchNorm, Padding)


class Term(NamedTuple):
    """entry (flat index) of row `row`, its number there, the slope it is multiplied by, and their product."""

    entry: int
    number: float
    slope: float
    product: float


def account(way, row, kind, entry, pages=True):
    """Where `kind`, "value" or "delta", of an entry (flat index) of row number `row` of a Pass comes from: a dict.

    name, number   u₁[3, 0, 5], and what it is
    words          the formula with numbers put in
    terms          what it is the sum of: Terms, the largest first
    more, others   how many more there are, and their sum
    added          what is none of these products: of a value the bias; of a delta what came past the layers, through
                   the graph between them, or rounding; None where the number is no sum
    met            [(row, kind, entries)], those that met in it
    formulas, code as HTML, with `pages`: see page_of

    Raises IndexError for an entry that is not there.
    """
    shown = way.rows[row]
    array = shown.value if kind == "value" else shown.delta
    number = float(np.asarray(to_host(array)).reshape(-1)[entry])
    told = _value(way, row, entry, number) if kind == "value" else _delta(way, row, entry, number)
    formulas, code = page_of(way, row, kind) if pages else ("", "")
    return {"name": _name(shown, kind, entry), "number": number, **told, "formulas": formulas, "code": code}


def page_of(way, row, kind):
    """(formulas, lines of code) as HTML, of what computed the values, or deltas, of a row; empty for a graph."""
    readers = way.readers(row)
    shown = way.rows[row] if kind == "value" else way.rows[readers[0]] if readers else None
    if shown is None or shown.module is None:
        return "", ""
    return _page(type(shown.module), "forward" if kind == "value" else "backward")


def _value(way, row, entry, number):
    shown = way.rows[row]
    module = shown.module
    if module is None:
        return _told(f"a pixel: {_number(number)}", [], [])
    if isinstance(module, CrossEntropyLoss):
        share = np.exp(-number)
        words = f"−log softmax(z)[{way.target}] = −log {_number(share)} = {_number(number)}"
        return _told(words, [], [(_from(way, shown), "value", [way.target])])
    terms, read = _slopes_of_output(shown, entry)
    below, reads = _from(way, shown), to_host(shown.reads).reshape(-1)
    if isinstance(module, ACTIVATIONS) and len(terms) <= 1:
        words = f"{type(module).__name__}({_number(reads[entry])}) = {_number(number)}"
        met = [entry]
    elif isinstance(module, MaxPooling):
        words = f"the largest of its window, {_number(number)}"
        met = [term.entry for term in terms]
    elif isinstance(module, (SUMS, Flatten)):
        words, met = "", [term.entry for term in terms]
    else:
        words = f"made of {len(terms)} numbers; beside each the slope by it, ∂({shown.symbol})/∂(it)"
        met = [term.entry for term in terms]
    added = number - sum(term.product for term in terms) if isinstance(module, SUMS) else None
    return _told(words, terms, [(below, "value", met)], added)


def _delta(way, row, entry, number):
    """Its parts, one for each layer that read the array; where the graph added something in between, their sum."""
    readers = [place for place in way.readers(row) if way.rows[place].delta is not None]
    if way.rows[row].symbol == "L":
        return _told("∂L/∂L = 1, the derivative of the loss by itself", [], [])
    if not readers:
        words = "(17): the sum of what all that was computed from it, in the graph, hands back"
        return _told(words, [], [])
    parts, met, unasked = [], [], 0
    for place in readers:
        reader = way.rows[place]
        if isinstance(reader.module, CrossEntropyLoss):
            share = number + (entry == way.target)
            words = f"softmax(z)[{entry}] − [{entry} is the label] = {_number(share)} − {int(entry == way.target)}"
            words += f" = {_number(number)}"
            return _told(words, [], [(place, "delta", [0])])
        terms, others = _slopes_of_input(reader, entry)
        parts, unasked = parts + terms, unasked + others
        met.append((place, "delta", [term.entry for term in terms]))
    added = number - sum(term.product for term in parts)
    largest = max((abs(term.product) for term in parts), default=0)
    words = f"(17): the sum over its {len(readers)} uses" if len(readers) > 1 else ""
    if unasked:
        words = f"the {MOST_ABOVE} largest deltas above it, of {MOST_ABOVE + unasked}, and all others together"
    elif abs(added) > GRAPH * largest:
        words = "(17): a sum over its uses, of which this layer is one; the others are in the graph, between layers"
    elif not parts:
        words = "0: each delta above it, or the slope there, is 0"
    return _told(words, parts, met, added)


def _slopes_of_output(shown, entry):
    """(Terms over the inputs of one output, the input): a delta of 1 there, sent back."""
    twin = shown.module.bare_copy().eval()
    out = twin(shown.reads)
    unit = np.zeros(np.shape(out), out.dtype)
    unit.reshape(-1)[entry] = 1
    slopes, reads = (to_host(a).reshape(-1) for a in (twin.backward(unit), shown.reads))
    return _terms(reads, slopes, np.flatnonzero(slopes)), reads


def _slopes_of_input(reader, entry):
    """(Terms over the deltas above of which the delta of one input is made, how many smaller ones were not asked)"""
    twin, a = reader.module.bare_copy().eval(), to_host(reader.reads)
    step = STEP * max(abs(float(a.reshape(-1)[entry])), 1)
    moved = np.concatenate([a, a, a])
    moved.reshape(3, -1)[1:, entry] += (step, -step)
    outputs = to_host(twin(moved)).reshape(3, -1)
    above = to_host(reader.delta).reshape(-1)
    met = np.flatnonzero(((outputs[1] != outputs[0]) | (outputs[2] != outputs[0])) & (above != 0))
    all_met, met = len(met), met[np.argsort(-np.abs(above[met]), kind="stable")][:MOST_ABOVE]
    if not len(met):
        return [], 0
    out = twin(np.concatenate([a] * len(met)))  # a copy for each, so that one backward asks all
    units = np.zeros(np.shape(out), above.dtype)
    units.reshape(len(met), -1)[np.arange(len(met)), met] = 1
    slopes = to_host(twin.backward(units)).reshape(len(met), -1)[:, entry]
    return _terms(above[met], slopes, np.flatnonzero(slopes), met), all_met - len(met)


def _terms(numbers, slopes, chosen, entries=None):
    entries = np.arange(len(numbers)) if entries is None else entries
    products = numbers * slopes
    order = chosen[np.argsort(-np.abs(products[chosen]), kind="stable")]
    return [Term(int(entries[k]), float(numbers[k]), float(slopes[k]), float(products[k])) for k in order]


def _told(words, terms, met, added=None):
    others = terms[MOST_TERMS:]
    return {
        "words": words,
        "terms": [term._asdict() for term in terms[:MOST_TERMS]],
        "more": len(others),
        "others": sum(term.product for term in others),
        "added": added,
        "met": [(row, kind, entries[:MOST_MET]) for row, kind, entries in met if row is not None],
    }


def _page(kind, way):
    """(the formulas of a layer's forward, or of its delta; the lines that compute them), as HTML."""
    for home in kind.__mro__:
        found = [s for s in stated(inspect.getdoc(home) if "__doc__" in vars(home) else "") if s.way == way]
        found = [s for s in found if way == "forward" or s.text.startswith("delta")] if way else found
        if found:
            numbers = list(dict.fromkeys(n for statement in found for n in statement.numbers))
            texts = "".join(_statement(statement) for statement in found)
            blocks = {block: None for n in numbers for block in sources.of_home(home, n)}
            return texts, "".join(block.html() for block in blocks)
    return "", ""


def _statement(statement):
    marks = " ".join(f"({number})" for number in statement.numbers)
    why = f"<small>{display(statement.why)}</small>" if statement.why else ""
    return f"<p><b>{marks}</b> {display(statement.text)} {why}</p>"


def _from(way, shown):
    """The number of the row that it was computed from, None where that is between layers."""
    return next((n for n, row in enumerate(way.rows) if row.value is shown.reads), None)


def _name(shown, kind, entry):
    shape = np.shape(shown.value)
    place = np.unravel_index(entry, shape)[1 if shape[:1] == (1,) else 0 :]
    index = f"[{', '.join(map(str, place))}]" if place else ""
    return f"{'δ of ' if kind == 'delta' else ''}{shown.symbol}{index}"


def _number(x):
    return f"{x:.4g}".replace("-", "−")
