"""What is refused before the first step of a training run, while nothing has changed yet.

Each of these would otherwise show up later, as an error after an epoch or a loss that stalls, or never. One of them is
the lecture's trap (72:39), 784 scores for 10 classes.
"""

import numpy as np

from backprop import kernels
from backprop.errors import BackpropError, LabelError, OptionError, ParameterError, ShapeError
from backprop.functional.targets import checked_targets, class_axis, expect_shape_of_labels, is_labels, label_cure
from backprop.kernels.device import to_host
from backprop.loss.classification import Classification
from backprop.module.rng import undisturbed
from backprop.module.shard import Shard, computing
from backprop.optim.schedule import ReduceLROnPlateau
from backprop.training import parallel
from backprop.training.parallel.sums import cut


def expect_run(net, loss, optimizer, train, test, schedule, steps, allow_wrong_classes=False):
    """Raise the error that a run of this many steps would raise, or should."""
    if getattr(loss, "reduction", "mean") not in ("mean", "batchmean"):
        raise OptionError(
            f"training averages over batches: it needs a loss with reduction 'mean', got {loss.reduction!r}"
        )
    _expect_batches(train, "train on", steps)
    if test is not None:
        _expect_batches(test, "test on", steps)
    _expect_something_to_learn(net, loss, optimizer)
    if isinstance(schedule, ReduceLROnPlateau):
        raise OptionError(
            "ReduceLROnPlateau needs a loss for each step: call schedule.step(loss) in a loop of your own"
        )
    if getattr(schedule, "steps_left", lambda: steps)() < steps:  # a user's own schedule may not have it
        raise OptionError(
            f"{type(schedule).__name__} has {schedule.steps_left()} steps left, this run has {steps} to go; "
            "give it the steps of all epochs, epochs * len(train)"
        )
    if steps <= 0:
        return
    scores = _scores_of_two(net, train, test)
    if isinstance(loss, Classification) and scores is not None:
        _expect_labels(net, loss, train, test, scores, allow_wrong_classes)
    _expect_last_batch(net, train)


def _expect_batches(loader, what, steps):
    if steps > 0 and not len(loader):
        less = f", fewer than the {loader.batch_size} of a batch, with drop_last" if len(loader.images) else ""
        raise OptionError(f"there is nothing to {what}: {len(loader.images)} images{less}")


def _expect_something_to_learn(net, loss, optimizer):
    """Refuse an optimizer of another network, and a network with nothing to learn."""
    held = dict.fromkeys(p for group in getattr(optimizer, "param_groups", ()) for p in group["params"])
    own = dict.fromkeys([*net.parameters(), *getattr(loss, "parameters", tuple)()])
    both = [p for p in own if p in held]
    if held and not both:
        cure = f"make one for it: {type(optimizer).__name__}(net.parameters(), ...)"
        raise ParameterError(f"the optimizer holds no parameter of this network; {cure}")
    stale, fresh = [p for p in held if p not in own], [p for p in own if p.requires_grad and p not in held]
    lost = next((p for p in fresh if any(p.shape == old.shape for old in stale)), None)
    if lost is not None:
        path = next((path for path, p in net.named_parameters() if p is lost), "one of the loss's parameters")
        raise ParameterError(f"{path} was replaced after the optimizer was made, and would not learn; make a new one")
    if held and not any(p.requires_grad for p in both):
        raise ParameterError("there is nothing to learn: every parameter is frozen; use net.requires_grad_(True)")


def _run(net, x, training=False):
    """The output of a copy of the network for a few inputs, by the reference kernels, which need no compiling.

    None if this fails: the network may refuse to be copied, need a whole batch, or work only in training mode. If the
    run itself is wrong, its first step raises the error. ShapeErrors are passed on to the caller.
    """
    try:
        with kernels.use_kernels("reference"), np.errstate(all="ignore"), undisturbed():
            twin = net.bare_copy().to("cpu")
            if not training:
                twin.eval()
            elif not net.training:
                twin.train()
            return twin(to_host(x))
    except ShapeError:
        raise
    except Exception:
        return None


def _batch(loader, index):
    """A batch of it, which waits for no compiler either."""
    with kernels.use_kernels("reference"):
        return loader.batch(index)


def _scores_of_two(net, train, test):
    """The network's scores for two training images; ShapeError if the test images do not fit the network."""
    try:
        scores = _run(net, _batch(train, np.arange(min(2, len(train.images)))))
    except ShapeError:
        return None  # for two images; a whole batch may fit
    if test is not None and scores is not None and test.images.shape[1:] != train.images.shape[1:]:
        try:
            _run(net, _batch(test, np.arange(min(2, len(test.images)))))
        except BackpropError as error:
            sizes = f"{test.images.shape[1:]}, training images {train.images.shape[1:]}"
            raise ShapeError(f"test images are {sizes}, and do not fit this network: {error}") from None
    return scores if isinstance(scores, np.ndarray) and scores.ndim else None


def _expect_last_batch(net, train):
    """Refuse a batch, or a shard of one, of one image where the network cannot take it: batch normalisation of a single
    value.
    """
    count, size, ranks = len(train.images), train.batch_size, parallel.current()
    shards, last = 1 if ranks is None else ranks.shards, 0 if train.drop_last else count % size
    alone = [batch for batch in ([size] if count >= size else []) + [last] if 1 in np.diff(cut(batch, shards))]
    if alone:
        try:
            twice = Shard(0, 0, 1, total=lambda own: 2 * own)  # what sums over all shards is not alone
            with computing(twice if max(alone) > 1 else None):
                _run(net, _batch(train, np.arange(1)), training=True)
        except ShapeError as error:
            which = "each batch has" if size == 1 else f"with {count} images in batches of {size} the last one has"
            if 1 not in alone:
                which = f"a batch of {alone[0]} images in {shards} shards has shards of"
                error = f"{error}; or use fewer shards, or bp.SyncBatchNorm.convert(net)"
            raise ShapeError(f"{which} only one image: {error}") from None


def _expect_labels(net, loss, train, test, scores, allow_wrong_classes):
    """Refuse labels out of range, and scores for another number of classes than the whole training set has.

    A test set with labels that the training set does not have is refused, too.
    """
    labels, test_labels = train.labels, train.labels[:0] if test is None else test.labels
    whole = all(is_labels(y) for y in (labels, test_labels))
    for y in (labels, test_labels):
        if len(y):
            two = y[np.arange(2) % len(y)][: len(scores)]
            if whole:
                expect_shape_of_labels(scores, two)
            else:
                checked_targets(scores, two, loss.ignore_index)
    if not whole:
        return
    used, tested = (y[y != loss.ignore_index] for y in (labels, test_labels))
    if not used.size:
        return
    for which, y, counted in (("", labels, used), (" of the test set", test_labels, tested)):
        if counted.size and counted.min() < 0:
            place = int(np.argmax((y < 0) & (y != loss.ignore_index)))
            cure = label_cure(counted, 0)
            raise LabelError(
                f"label {counted.min()}{which} is out of range, at index {place}: labels must be 0 to C - 1{cure}"
            )
    classes, count = int(used.max()) + 1, scores.shape[class_axis(scores)]
    if tested.size and (tested.max() >= max(classes, count) or tested.max() >= classes and not allow_wrong_classes):
        known = f"the training set only 0 to {classes - 1}"
        cure = "a class that is never trained is never right: add it to the training set, or drop it from the test set"
        raise LabelError(f"the test set has label {tested.max()}, {known}; {cure}")
    if count != classes and not allow_wrong_classes:
        _refuse_classes(net, used, classes, count)


def _refuse_classes(net, used, classes, count):
    parts = [module for module in net.modules() if not module.children()]
    last = next((module for module in reversed(parts) if list(module.parameters())), parts[-1])
    features, channels = getattr(last, "in_features", None), getattr(last, "in_channels", None)
    kind = f"{type(last).__name__}({last.extra_repr()})"
    cure = f"make it Linear({features}, {classes})" if features else f"add Linear({count}, {classes}) after it"
    if channels and getattr(last, "out_channels", None) == count:
        cure = f"make it {type(last).__name__}({channels}, {classes}, ...)"
    if used.min() > 0 and count == classes - used.min():
        cure = f"they begin at {used.min()}; use y - {used.min()}"
    elif classes == 1:
        cure = "every label is 0, so there are no classes to tell apart; or use allow_wrong_classes=True"
    elif classes < count < 2 * classes:
        cure += f"; or, if some of the {count} classes do not occur in this set, use allow_wrong_classes=True"
    raise ShapeError(
        f"the last layer, {kind}, puts out {count} scores, but the labels are of {classes} classes: {cure}"
    )
