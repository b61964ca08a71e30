"""backprop: backpropagation you can read. Layers with explicit adjoints, checked and fast.

>>> import numpy as np, backprop as bp
>>> bp.manual_seed(0)
>>> net, loss = bp.Sequential(bp.Linear(4, 8), bp.ReLU(), bp.Linear(8, 3)), bp.CrossEntropyLoss()
>>> sgd = bp.SGD(net.parameters(), lr=0.5)
>>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
>>> for step in range(100):
...     L = loss(net(x), y)
...     sgd.zero_grad()
...     delta = net.backward(loss.backward())
...     sgd.step()
>>> L < 0.05
True
"""

from backprop import functional
from backprop.check.gradcheck import gradcheck
from backprop.errors import (
    BackpropError,
    CallOrderError,
    CheckpointError,
    DeviceError,
    DTypeError,
    ExpressionError,
    GradientError,
    HookError,
    IndexRangeError,
    LabelError,
    NonFiniteError,
    OptionError,
    ParameterError,
    ProgramError,
    RankError,
    ShapeError,
)
from backprop.graph import Graph, Value
from backprop.kernels import get_num_threads, set_num_threads, use_kernels
from backprop.kernels.device import DeviceArray, to_host
from backprop.kernels.transfer import to_device
from backprop.layers import (
    CELU,
    ELU,
    GELU,
    GLU,
    GRU,
    LSTM,
    RNN,
    SELU,
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    Bias,
    Bilinear,
    ChannelShuffle,
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    CosineSimilarity,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    Embedding,
    Flatten,
    Fold,
    GraphConv,
    GroupNorm,
    GRUCell,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Identity,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    LazyBatchNorm1d,
    LazyBatchNorm2d,
    LazyBatchNorm3d,
    LazyConv1d,
    LazyConv2d,
    LazyConv3d,
    LazyConvTranspose1d,
    LazyConvTranspose2d,
    LazyConvTranspose3d,
    LazyInstanceNorm1d,
    LazyInstanceNorm2d,
    LazyInstanceNorm3d,
    LazyLinear,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    LogSigmoid,
    LogSoftmax,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    LSTMCell,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
    MaxUnpool1d,
    MaxUnpool2d,
    MaxUnpool3d,
    Mish,
    MultiheadAttention,
    PairwiseDistance,
    PixelShuffle,
    PixelUnshuffle,
    PReLU,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReLU,
    ReLU6,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
    RMSNorm,
    RNNCell,
    RReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softmax2d,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    SyncBatchNorm,
    Tanh,
    Tanhshrink,
    Threshold,
    Unflatten,
    Unfold,
    Upsample,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
    normalized_adjacency,
)
from backprop.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CrossEntropyLoss,
    CTCLoss,
    GaussianNLLLoss,
    HingeEmbeddingLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    Loss,
    MarginRankingLoss,
    MSELoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    NLLLoss,
    PoissonNLLLoss,
    SmoothL1Loss,
    SoftMarginLoss,
    TripletMarginLoss,
)
from backprop.models.transformer import TransformerEncoder, TransformerEncoderLayer
from backprop.module import Buffer, Module, Parameter, init
from backprop.module.rng import manual_seed
from backprop.optim import SGD, Adagrad, Adam, AdamW, NAdam, Optimizer, RMSprop
from backprop.optim.clip import clip_grad_norm_, clip_grad_value_
from backprop.optim.schedule import (
    ChainedScheduler,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from backprop.show import cells
from backprop.show.explain import explain
from backprop.show.summary import summary
from backprop.show.trace import trace
from backprop.training.checkpoint import Checkpoint
from backprop.training.compiled import compile
from backprop.training.data import DataLoader
from backprop.training.fit import fit
from backprop.training.parallel.ranks import parallel
from backprop.training.prediction import predict
from backprop.training.weights import load, save
