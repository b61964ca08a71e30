"""`fit` is the training loop for a notebook. The loop itself, line by line, is in scripts/train_mnist.py."""

from backprop.module.options import number
from backprop.optim.clip import clip_grad_norm_, clip_grad_value_
from backprop.training.run import Run
from backprop.training.steps import Steps


def fit(
    net,
    loss,
    optimizer,
    train,
    test=None,
    epochs=1,
    schedule=None,
    progress=True,
    check_finite=True,
    allow_wrong_classes=False,
    checkpoint=None,
    history=None,
    after_step=None,
    clip_norm=None,
    clip_value=None,
    keep_best=False,
    patience=None,
):
    """Train `net` on the batches of `train`.  Lecture A 53:36-55:37. Returns a History, even if Ctrl-C, SIGTERM or
    SIGHUP ends it early: after the current step or, while the first step's kernels compile, after the current kernel.

    train, test           DataLoaders; `test`, if given, is evaluated after each epoch
    schedule              a learning-rate schedule, stepped after every batch
    progress              show one bar with loss, accuracy and images per second
    check_finite          a loss of NaN or infinity raises NonFiniteError naming layer, pass and step
    allow_wrong_classes   train even if the network does not have one score for each class of the training set
    checkpoint            a Checkpoint, to be kept up to date: within epochs, at their ends, and on Ctrl-C
    history               of an interrupted run, from `checkpoint.load(...)`: training resumes where it stopped
    after_step            called after each step, with the number of steps done
    clip_norm             before each step, gradients are scaled so that their norm is at most this
    clip_value            before each step, their entries are limited to this size
    keep_best             at the end the network gets back the weights of the epoch with the lowest test loss
    patience              the run ends after so many epochs without a lower test loss

    For the last two `test` should be a part of the training set that is held out: what chose weights is no test.

    A run that would fail after an epoch, or learn nothing, is refused before the first step (preflight.py): ShapeError
    if the number of scores is not that of the classes in the whole training set, or the last batch is too small for a
    batch normalisation; ParameterError for an optimizer of another network; OptionError for no data.

    Layers set to evaluation mode while the network is in training mode, by `net[1].eval()`, stay in it: a batch
    normalisation then keeps its statistics.
    """
    run = Run(
        net,
        loss,
        optimizer,
        train,
        test,
        epochs,
        schedule,
        progress,
        check_finite,
        allow_wrong_classes,
        checkpoint,
        history,
        after_step,
        keep_best,
        patience,
    )
    clip = clipping(net, clip_norm, clip_value)
    with run:
        singly = after_step is not None or clip is not None
        steps = Steps(net, loss, optimizer, schedule, train, check_finite, singly, wait=run.wanted, clip=clip)
        for number in run.epochs():
            for done in steps.of_epoch(run.history.first_epoch + number, run.first, len(run.history.losses)):
                run.add_done(done)
    return run.history


def clipping(net, norm=None, value=None):
    """What clips the network's gradients, or None. An entry is limited before the norm is."""
    number("clip_norm", norm or 0, 0), number("clip_value", value or 0, 0)
    if norm is None and value is None:
        return None

    def clip():
        if value is not None:
            clip_grad_value_(net.parameters(), value)
        if norm is not None:
            clip_grad_norm_(net.parameters(), norm)

    return clip
