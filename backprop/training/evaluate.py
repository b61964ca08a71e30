"""Evaluation of a network: its scores, and its loss and accuracy over a data set, however it is split into batches."""

import copy
import itertools

from backprop import functional as F
from backprop.loss import Loss
from backprop.training import parallel
from backprop.training.data import fetches_parts
from backprop.training.history import Tally
from backprop.training.parallel.sums import cut
from backprop.training.plan import terms_of


def evaluate(net, loss, loader):
    """(mean loss, accuracy) of the network, in evaluation mode, over all batches of `loader`."""
    found = tested(net, loss, loader)
    return found.loss, found.accuracy


def tested(net, loss, loader):
    """The Tally of the network, in evaluation mode, over all batches of `loader`. Within `bp.parallel()` each rank
    takes a share of the batches.
    """
    ranks = parallel.current()
    if ranks is None or not fetches_parts(loader):
        return tally(loss, predict(net, loader))
    bounds, epoch, found = cut(len(loader), ranks.shards), loader.epoch, Tally()
    places = [(stream, stream.seed, stream.step) for _, stream in net.named_streams()]

    def rewind():
        """Of streams that draw in evaluation, too: they draw the same for each shard, wherever it is computed."""
        for stream, seed, step in places:
            stream.seek(seed, step)

    def numbers(s):
        loader.seek(epoch, bounds[s])
        rewind()
        some = tally(loss, ranks.seen(predict(net, itertools.islice(loader, bounds[s + 1] - bounds[s]))))
        return some.total, some.terms, some.right if some.answers else 0, some.answers

    found.add(*ranks.total(numbers))
    rewind()
    loader.seek(epoch + 1)
    return found


def measure(loss, predictions):
    """(mean loss, accuracy) over batches of (scores, labels), however they are split; NaN over nothing."""
    found = tally(loss, predictions)
    return found.loss, found.accuracy


def tally(loss, predictions):
    """The Tally over batches of (scores, labels)."""
    found, sums = Tally(), _can_sum(loss)
    twin = copy.copy(loss) if sums else loss
    for scores, y in predictions:
        if sums:
            twin.reduction = "sum"
        total = twin(scores, y)
        if sums:
            twin.reduction = loss.reduction
        terms = terms_of(twin, y)
        found.add(total if sums else total * terms, terms, *count_correct(loss, scores, y))
    return found


def _can_sum(loss):
    """Whether the loss reports what its mean divides by, and its forward is ours, which supports reduction "sum"."""
    if not isinstance(loss, Loss):
        return False
    kind = type(loss)
    ours = getattr(kind.forward, "__module__", "").startswith("backprop.") and kind.__call__ is Loss.__call__
    return ours and kind.terms is not Loss.terms


def predict(net, loader):
    """Yield (scores, labels) of each batch, with the network in evaluation mode."""
    with net.evaluating():
        for x, y in loader:
            yield net(x), y


def count_correct(loss, scores, y):
    """(right, answers) of a batch, as the loss counts them."""
    return loss.count_correct(scores, y) if isinstance(loss, Loss) else F.count_correct(scores, y)
