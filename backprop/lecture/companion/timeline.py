"""The lectures, minute by minute: what each moment is about, and where it is in the code.

A is Recitation 4 of "EE-556 Mathematics of data" (EPFL, 2021), B is deeplizard's "Callable neural networks: linear
layers in depth", C the transcript of "Introduction to PyTorch, part 1, solution". The words are ours.
"""

from backprop.lecture.companion.moment import Moment

LECTURES = {
    "A": "A. Recitation 4, EE-556 (EPFL, 2021)",
    "B": "B. Linear layers in depth (deeplizard)",
    "C": "C. Introduction to PyTorch, part 1",
    "E": "Beyond the lectures",
}

TRAIN, TRACE = "python scripts/train_mnist.py", 'python scripts/trace.py "log(x1) + x1*x2 - sin(x2)" x1=2 x2=5'

MOMENTS = (
    Moment(
        "A",
        "1:53 - 4:40",
        "Tensors",
        "Numbers, vectors, matrices, and arrays of three axes and more. A property of matrices, such as their rank, "
        "need not mean anything for the others. Here arrays of any order flow through the layers, and an error names "
        "the shape that was expected and the one that it got.",
        places=("functional.shapes", "errors.ShapeError"),
    ),
    Moment(
        "A",
        "4:51 - 6:01",
        "One hidden layer",
        "$X2 sigma(X1 a + mu1) + mu2$: multiply, add, bend, multiply, add. $X$ and $mu$ learn. Do it again and "
        "again for depth.",
        places=("layers.Linear", "layers.ReLU", "layers.Sequential"),
    ),
    Moment(
        "A",
        "6:29 - 8:14",
        "The square loss, and work done twice",
        "Its gradients by $X1$ and $X2$ share the factor $h(a) - b$, the error. Computing each gradient on its own "
        "computes that factor again and again. Backpropagation keeps it, and passes it down.",
        formulas=("8",),
        places=("loss.MSELoss", "layers.Sequential.backward"),
        command="python scripts/experiments.py depth",
    ),
    Moment(
        "A",
        "8:34 - 9:42",
        "Forward through one layer",
        "On the slide $a$ is a column. In the code a batch holds N samples as rows, so the product appears transposed.",
        formulas=("1", "2", "3"),
        places=("layers.Linear.forward", "layers.ReLU.forward"),
    ),
    Moment(
        "A",
        "9:42 - 13:33",
        "Backward through one layer",
        "Given $delta_a$, first $delta_u$, element by element. It is also $delta_m$, since $mu$ is only added. The "
        "gradients of $X$ and $mu$ are computed from it, and the delta for the layer below.",
        formulas=("4", "5", "6", "7"),
        picture="layer",
        places=("layers.Linear.backward", "layers.ReLU.backward"),
        command="python scripts/gradcheck.py --layer Linear",
    ),
    Moment(
        "A",
        "13:33 - 14:28",
        "What forward must save",
        "(4) needs u, or the output where that is enough; (5) needs a. A layer writes them to `self.cache` in forward "
        "and reads them in backward. A cache belongs to a call, so a layer may be used twice.",
        places=("module.Module.cache", "module.Module.recall"),
        session="cache",
    ),
    Moment(
        "A",
        "14:28 - 14:55",
        "Linear, not quadratic",
        "Differentiating each layer from scratch takes a number of products that grows as the depth squared; "
        "with backpropagation it is proportional to the depth. (Both stay quadratic in the neurons of a layer.) "
        "Measured, the slopes are about 2 and about 1.",
        places=("layers.Sequential.backward",),
        command="python scripts/experiments.py depth",
    ),
    Moment(
        "A",
        "14:55 - 20:07",
        "An evaluation trace",
        "$f = log x1 + x1 x2 - sin x2$ at (2, 5), one operation per line: down to f = 11.652, and from the adjoint 1 "
        "back up to 5.5 and 1.716.",
        formulas=("16", "17", "18"),
        picture="graph",
        places=("graph.Value", "graph.modes.reverse", "show.trace.trace"),
        command=TRACE,
    ),
    Moment(
        "A",
        "20:07 - 21:51",
        "Small operations, known adjoints",
        "A framework breaks a layer into operations whose adjoint it knows. Each operation here has its local rule "
        "beside it; a whole layer is one such operation, too.",
        places=("graph.operations", "graph.ModuleCall"),
    ),
    Moment(
        "A",
        "22:21 - 28:13",
        "Why 1, and why this order",
        "The first adjoint is 1: the derivative of the loss with respect to itself. A value's adjoint is a sum over "
        "all its uses, and can only be passed on once the last share has come: so users come before what they used.",
        places=("graph.modes.ancestry", "graph.modes.reverse"),
    ),
    Moment(
        "A",
        "29:50 - 32:41",
        "Arrays, and one call",
        "Products, permuted axes, reshaped and flattened arrays. Sum to one number, then call `backward` once; a "
        "value of another shape needs a delta, and an error says so.",
        places=("functional.matmul", "graph.Value.backward"),
    ),
    Moment(
        "A",
        "32:50 - 37:00",
        "A module of your own: Bias",
        "A class with one learned vector. It is called like a function, and broadcasts over the batch.",
        places=("layers.Bias", "module.Parameter", "module.Module.__call__"),
    ),
    Moment(
        "A",
        "37:20 - 40:09",
        "Linear",
        "Bias, and a matrix of weights that is multiplied first: formulas (1), (2), (5), (6) and (7) on one page.",
        places=("layers.Linear",),
    ),
    Moment(
        "A",
        "40:51 - 43:11",
        "Activations",
        "ReLU and the sigmoid act on each element alone. Without them a stack of linear layers is one linear layer.",
        formulas=("4s", "4l"),
        places=("layers.ReLU", "layers.Sigmoid", "layers.more_activations"),
        command="python scripts/experiments.py collapse",
    ),
    Moment(
        "A",
        "43:39 - 48:20",
        "The multilayer perceptron",
        "Linear, bend, linear, bend: a loop over layers, forward; and the same loop in reverse, backward.",
        places=("layers.Sequential", "models.mlp"),
    ),
    Moment(
        "A",
        "49:06 - 51:06",
        "Losses",
        "For classes cross-entropy, for numbers the mean squared error or the mean absolute error.",
        formulas=("9", "21", "22", "23", "24"),
        picture="scores",
        places=("loss.CrossEntropyLoss", "loss.MSELoss", "loss.L1Loss"),
    ),
    Moment(
        "A",
        "51:26 - 53:36",
        "The notebook: what a call leaves behind",
        "Print a module after calling it: the shapes that went through, and its parameters.",
        places=("module.Module.__repr__", "show.summary.summary"),
        command="python scripts/notebook.py scripts/recitation.ipynb --check",
        session="modules",
    ),
    Moment(
        "A",
        "53:36 - 55:37",
        "A step of training",
        "Model, optimizer, forward, loss, backward, step.",
        formulas=("15",),
        places=("optim.SGD", "training.fit.fit"),
        command="python scripts/notebook.py scripts/recitation.ipynb --check",
    ),
    Moment(
        "A",
        "55:50 - 59:22",
        "Convolution",
        "A filter slides over patches; a stride makes the image smaller; many filters give many channels, so the "
        "weight has four axes. What deep learning calls convolution is cross-correlation: the filter is not flipped.",
        formulas=("10", "11", "12", "13", "14"),
        picture="window",
        places=("layers.Conv1d", "layers.Conv2d", "layers.Conv3d", "layers.MaxPool2d"),
        command="python scripts/experiments.py filters",
    ),
    Moment(
        "A",
        "59:22 - 60:20",
        "Another class of functions",
        "Until recently convolutions were best for images. Attention needs none: the squares into which an image is "
        "cut look at each other, and learn from data alone which of them matter. That takes very large data "
        "sets; on small ones the convolution's own idea of neighbours wins.",
        formulas=("48", "49"),
        picture="attention",
        places=("layers.MultiheadAttention", "models.transformer.TransformerEncoderLayer", "models.blocks.Patches"),
        command=f"{TRAIN} --model transformer",
    ),
    Moment(
        "A",
        "61:06 - 64:12",
        "MNIST",
        "28 x 28 = 784 pixels, 10 classes, cross-entropy, SGD, ten epochs, and a plot of the losses.",
        places=("training.fit.fit", "training.data.DataLoader", "show.plots.curves"),
        command=TRAIN,
    ),
    Moment(
        "A",
        "64:19 - 66:32",
        "It stalls",
        "Two biases can learn how frequent each class is, and no more: the loss stops at the entropy of the labels, "
        "2.301. The lecture's curve stands near 2.4: after ten epochs with steps of 0.01 (2.39 here) the 774 scores of "
        "no class still have 8 % of the softmax, and -log 0.92 is 0.08. Larger steps, like ours, push them down "
        "sooner. Weights help. Activations are what is missing.",
        places=("models.bias", "models.linear", "models.mlp"),
        command="python scripts/experiments.py stall",
    ),
    Moment(
        "A",
        "67:30 - 71:09",
        "Images stay images",
        "Do not flatten: an image goes in, an image comes out, and only the end is flattened and projected to ten "
        "scores.",
        places=("models.lenet", "layers.Flatten", "layers.Conv2d"),
        command=f"{TRAIN} --model lenet",
    ),
    Moment(
        "A",
        "71:09 - 72:39",
        "A bias that does not fit",
        "One vector cannot be added to a batch of images by its last axis: Bias refuses it. A convolution has a bias "
        "for each of its channels.",
        places=("layers.Bias", "layers.Conv2d"),
        session="image",
    ),
    Moment(
        "A",
        "72:39 - 77:40",
        "The trap",
        "784 scores for 10 classes, and the framework never complains, which costs hours. Here an error before the "
        "first step says what to change.",
        places=("loss.CrossEntropyLoss", "training.fit.fit"),
        command="python scripts/experiments.py trap",
        session="trap",
    ),
    Moment(
        "A",
        "77:40 - 80:15",
        "Larger images again",
        "A convolution with a stride makes an image smaller; a transposed convolution, which is its backward run "
        "forward, makes it larger.",
        formulas=("27",),
        places=("layers.ConvTranspose2d",),
    ),
    Moment(
        "A",
        "81:05 - 81:40",
        "The trap once more",
        "The same network, with the same 784 scores. `CrossEntropyLoss(num_classes=10)` refuses them in a loop "
        "written by hand, too.",
        places=("loss.CrossEntropyLoss",),
    ),
    Moment(
        "A",
        "82:04 - 82:30",
        "Other data",
        "Take Fashion-MNIST or CIFAR instead, and train the same model: the same command, with other `--data`. CIFAR's "
        "images have three channels, and the first layer takes them.",
        places=("training.data.DataLoader",),
        command=f"{TRAIN} --data cifar10 --model cnn",
    ),
    Moment(
        "A",
        "82:30 - 83:25",
        "Beyond images",
        "Sequences and graphs have a structure of their own, and layers that use it.",
        formulas=("33", "34", "35", "36"),
        picture="recurrence",
        places=("layers.RNN", "layers.GRU", "layers.LSTM", "layers.GraphConv"),
        command=f"{TRAIN} --model recurrent",
    ),
    Moment(
        "B",
        "",
        "One vector in",
        "A weight (3, 4) whose rows are 1234, 2345, 3456 maps [1, 2, 3, 4] to [30, 40, 50]: an input without a batch "
        "works.",
        places=("layers.Linear", "functional.linear"),
        session="vector",
    ),
    Moment(
        "B",
        "",
        "The weight belongs to the layer",
        "It is (out, in), drawn at random when the layer is made. `layer.weight = Parameter(w)` replaces it; a plain "
        "array is an error that says what to do.",
        places=("module.Parameter", "module.Module"),
        session="weight",
    ),
    Moment(
        "B",
        "",
        "y = A x + b, read row by row",
        "In code x is a row: x times A transposed, plus b.",
        places=("layers.Linear.forward",),
    ),
    Moment(
        "B",
        "",
        "Call it, do not call forward",
        "The call runs hooks before and after forward. A hook that would change the result is refused.",
        places=("module.Module.__call__", "module.hooks.Hooks"),
    ),
    Moment(
        "B",
        "",
        "Under the layer, a function",
        "`functional.linear` has no state.",
        places=("functional.linear",),
    ),
    Moment(
        "C",
        "",
        "One neuron",
        "Multiply, sum, bend: by hand, by `mm` and by `matmul` it is the same number.",
        places=("functional.mm", "functional.matmul", "layers.Sigmoid"),
        session="neuron",
    ),
    Moment(
        "C",
        "",
        "mm is strict, matmul broadcasts",
        "For two (1, 5) matrices `mm` raises an error that names both sizes. `matmul` broadcasts, and so may hide a "
        "mistake.",
        places=("functional.mm", "functional.matmul"),
        session="strict",
    ),
    Moment(
        "C",
        "",
        "reshape, view, resize",
        "`reshape` may copy, a view never does. A resize in place could lose data or invent some, so it does not "
        "exist here.",
        places=("graph.Value.reshape", "functional.matmul"),
    ),
    Moment(
        "C",
        "",
        "Print shapes all the time",
        "`summary` shows those of every layer.",
        places=("show.summary.summary",),
    ),
    Moment(
        "E",
        "",
        "The judges",
        "They are in no lecture, but everything here rests on them: two ways to a derivative without a backward pass.",
        formulas=("19", "20"),
        places=("check.differences", "check.gradcheck.gradcheck"),
        command="python scripts/gradcheck.py",
    ),
    Moment(
        "E",
        "",
        "What steadies a deep network",
        "Units that are switched off at random, values that are scaled to mean 0 and variance 1; and also a margin "
        "around an image, a vector for a word, a learned slope.",
        formulas=("25", "26", "28", "29", "30", "31", "32"),
        places=("layers.Dropout", "layers.BatchNorm2d", "layers.LayerNorm", "layers.Embedding", "layers.PReLU"),
        command=f"{TRAIN} --model cnn",
    ),
    Moment(
        "E",
        "",
        "More losses, optimizers, schedules",
        "The numbering continues: what you meet outside the lecture.",
        formulas=("37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47"),
        places=("loss", "optim", "optim.schedule"),
    ),
    Moment(
        "E",
        "",
        "Many machines",
        "Several processes share each batch: their gradients are added along one tree, so that their number does not "
        "change a bit. What a layer says of a whole batch, they have to gather.",
        formulas=("50",),
        places=("parallel", "layers.SyncBatchNorm", "training.parallel.sums"),
        command=f"mpiexec -n 2 {TRAIN} --model cnn --sync-batch-norm",
    ),
)
