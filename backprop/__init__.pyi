"""The types of the public names. Arrays are NumPy's, or those on a GPU; their shapes are in the docstrings."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from backprop import functional as functional
from backprop.check.report import Report
from backprop.errors import BackpropError as BackpropError
from backprop.errors import CallOrderError as CallOrderError
from backprop.errors import CheckpointError as CheckpointError
from backprop.errors import DeviceError as DeviceError
from backprop.errors import DTypeError as DTypeError
from backprop.errors import ExpressionError as ExpressionError
from backprop.errors import GradientError as GradientError
from backprop.errors import HookError as HookError
from backprop.errors import IndexRangeError as IndexRangeError
from backprop.errors import LabelError as LabelError
from backprop.errors import NonFiniteError as NonFiniteError
from backprop.errors import OptionError as OptionError
from backprop.errors import ParameterError as ParameterError
from backprop.errors import ProgramError as ProgramError
from backprop.errors import RankError as RankError
from backprop.errors import ShapeError as ShapeError
from backprop.kernels.device import DeviceArray as DeviceArray
from backprop.module import init as init
from backprop.show.explain.explanation import Explanation
from backprop.show.trace.tracing import Trace
from backprop.training.compiled import Compiled
from backprop.training.history import History
from backprop.training.parallel.ranks import Ranks

Array: TypeAlias = np.ndarray[Any, Any]
_Size: TypeAlias = int | Sequence[int]

class Buffer:
    def __init__(self, data: ArrayLike) -> None: ...
    @property
    def data(self) -> Array: ...
    @data.setter
    def data(self, values: ArrayLike) -> None: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def size(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def device(self) -> str: ...

class Parameter(Buffer):
    requires_grad: bool
    def __init__(self, data: ArrayLike, requires_grad: bool = True) -> None: ...
    @property
    def grad(self) -> Array | None: ...
    @grad.setter
    def grad(self, values: Array | None) -> None: ...
    def accumulate(self, gradient: Array | Callable[..., Array], *args: Any) -> None: ...
    def zero_grad(self) -> None: ...

class Module:
    training: bool
    recordable: bool
    analytic: bool
    cache: Any
    call: Any
    def __getattr__(self, name: str) -> Any: ...
    def forward(self, *inputs: Any) -> Any: ...
    def backward(self, delta: Any) -> Any: ...
    def __call__(self, *inputs: Any) -> Any: ...
    def recall(self, call: Any) -> None: ...
    def check(self, *inputs: Array, dtype: DTypeLike = ..., seed: int = 0, max_entries: int = 1000) -> Report: ...
    def parameters(self) -> list[Parameter]: ...
    def named_parameters(self) -> list[tuple[str, Parameter]]: ...
    def named_buffers(self) -> list[tuple[str, Buffer]]: ...
    def children(self) -> list[Module]: ...
    def named_children(self) -> list[tuple[str, Module]]: ...
    def modules(self) -> list[Module]: ...
    def named_modules(self) -> list[tuple[str, Module]]: ...
    def state_dict(self) -> dict[str, Array]: ...
    def load_state_dict(self, state: Mapping[str, Array], strict: bool = True) -> Any: ...
    def zero_grad(self) -> None: ...
    def requires_grad_(self, requires_grad: bool = True) -> Module: ...
    def train(self, mode: bool = True) -> Module: ...
    def eval(self) -> Module: ...
    def evaluating(self) -> AbstractContextManager[None]: ...
    def to(self, *target: Any, device: str | None = None, dtype: DTypeLike | None = None) -> Module: ...
    def astype(self, dtype: DTypeLike) -> Module: ...
    @property
    def device(self) -> str: ...
    def register_forward_pre_hook(self, hook: Callable[..., None]) -> Any: ...
    def register_forward_hook(self, hook: Callable[..., None]) -> Any: ...
    def register_full_backward_pre_hook(self, hook: Callable[..., None]) -> Any: ...
    def register_full_backward_hook(self, hook: Callable[..., None]) -> Any: ...
    def bare_copy(self, memo: dict[int, Any] | None = None) -> Module: ...
    @staticmethod
    def expect(condition: Any, wanted: str, *, got: Any, cure: str = "") -> None: ...
    def extra_repr(self) -> str: ...

class Sequential(Module):
    layers: list[Module]
    def __init__(self, *layers: Module) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Module: ...
    def __iter__(self) -> Iterator[Module]: ...

class Value:
    data: Array
    grad: Array | None
    requires_grad: bool
    parents: Sequence[Value]
    def __init__(self, data: Any, requires_grad: bool = True) -> None: ...
    def backward(self, delta: Any = None) -> None: ...
    def zero_grad(self) -> None: ...
    def detach(self) -> Value: ...
    def item(self) -> Any: ...
    def __getattr__(self, name: str) -> Any: ...
    def __getitem__(self, at: Any) -> Value: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Value]: ...
    def __add__(self, other: Any) -> Value: ...
    def __radd__(self, other: Any) -> Value: ...
    def __sub__(self, other: Any) -> Value: ...
    def __rsub__(self, other: Any) -> Value: ...
    def __mul__(self, other: Any) -> Value: ...
    def __rmul__(self, other: Any) -> Value: ...
    def __truediv__(self, other: Any) -> Value: ...
    def __rtruediv__(self, other: Any) -> Value: ...
    def __pow__(self, other: Any) -> Value: ...
    def __rpow__(self, other: Any) -> Value: ...
    def __matmul__(self, other: Any) -> Value: ...
    def __rmatmul__(self, other: Any) -> Value: ...
    def __neg__(self) -> Value: ...

class Graph(Module):
    def build(self, *inputs: Any) -> Value: ...

class Loss(Module):
    reduction: str
    def __init__(self, *, reduction: str = "mean") -> None: ...
    def __call__(self, *inputs: Any) -> Any: ...
    def backward(self, delta: Any = 1) -> Any: ...

class Optimizer:
    param_groups: list[Any]
    state: dict[Parameter, dict[str, Any]]
    def __init__(self, parameters: Iterable[Parameter] | Iterable[dict[str, Any]], **defaults: Any) -> None: ...
    def step(self) -> None: ...
    def zero_grad(self) -> None: ...
    def state_dict(self) -> dict[str, Array]: ...
    def load_state_dict(self, saved: Mapping[str, Array]) -> None: ...

class LRScheduler:
    last_epoch: int
    base_lrs: list[float]
    def __init__(self, optimizer: Optimizer) -> None: ...
    def step(self) -> None: ...
    def lr(self, base: float, t: int) -> float: ...
    def get_last_lr(self) -> list[float]: ...
    def state_dict(self) -> dict[str, Array]: ...
    def load_state_dict(self, saved: Mapping[str, Array]) -> None: ...

class DataLoader:
    images: Array
    labels: Array
    batch_size: int
    epoch: int
    seed: int | None
    def __init__(
        self,
        images: Array,
        labels: Array,
        batch_size: int = 1,
        shuffle: bool = False,
        seed: int | None = None,
        drop_last: bool = False,
        dtype: DTypeLike | None = None,
        device: str = "cpu",
        shift: int = 0,
        flip: bool = False,
    ) -> None: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[Array, Array]]: ...
    def batches(
        self, room: Callable[..., tuple[Any, Any]] = ..., part: Callable[[Array], Array] = ...
    ) -> Iterator[tuple[Array, Array]]: ...
    def seek(self, epoch: int, batch: int = 0) -> None: ...

class Checkpoint:
    def __init__(
        self, path: str | PathLike[str], every: float = 30.0, options: dict[str, Any] | None = None
    ) -> None: ...
    def due(self) -> bool: ...
    def save(
        self, net: Module, optimizer: Optimizer, schedule: LRScheduler | None, loader: DataLoader, history: History
    ) -> None: ...
    def load(self, net: Module, optimizer: Optimizer, schedule: LRScheduler | None, loader: DataLoader) -> History: ...

def gradcheck(
    module: Module, *inputs: Array, dtype: DTypeLike = ..., seed: int = 0, max_entries: int = 1000
) -> Report: ...
def manual_seed(seed: int) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
def use_kernels(name: str) -> AbstractContextManager[Any]: ...
def to_host(array: Any) -> Array: ...
def to_device(array: Any, device: str = "cuda") -> Any: ...
def normalized_adjacency(edges: ArrayLike, nodes: int, dtype: DTypeLike = ...) -> Array: ...
def explain(net: Module, x: Array, y: Array, loss: Module, repeats: int = 5) -> Explanation: ...
def summary(net: Module, input_shape: Sequence[int] | None = None, dtype: DTypeLike | None = None) -> str: ...
def trace(f: Callable[..., Any], *inputs: Any, names: Sequence[str] | None = None, mode: str = "reverse") -> Trace: ...
def compile(
    net: Module,
    loss: Module,
    check_finite: bool = False,
    done: int = 0,
    optimizer: Optimizer | None = None,
    clip: Callable[[], Any] | None = None,
) -> Compiled: ...
def parallel(shards: int | None = None, patience: float = 60.0, allow: Iterable[str] = ()) -> Ranks: ...
def save(net: Module, path: str | PathLike[str]) -> None: ...
def load(net: Module, path: str | PathLike[str], strict: bool = True) -> Module: ...
def fit(
    net: Module,
    loss: Module,
    optimizer: Optimizer,
    train: DataLoader,
    test: DataLoader | None = None,
    epochs: int = 1,
    schedule: LRScheduler | None = None,
    progress: bool = True,
    check_finite: bool = True,
    allow_wrong_classes: bool = False,
    checkpoint: Checkpoint | None = None,
    history: History | None = None,
    after_step: Callable[[int], Any] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    keep_best: bool = False,
    patience: int | None = None,
) -> History: ...

class ELU(Module):
    def __init__(self, alpha: float = 1.0) -> None: ...

class CELU(ELU):
    def __init__(self, alpha: float = 1.0) -> None: ...

class GELU(Module):
    def __init__(self, approximate: str = "none") -> None: ...

class GRU(Module):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: DTypeLike = ...,
    ) -> None: ...

class LSTM(Module):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: DTypeLike = ...,
    ) -> None: ...

class RNN(Module):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *args: Any,
        **options: Any,
    ) -> None: ...

class SELU(Module): ...

class AdaptiveAvgPool1d(Module):
    def __init__(self, output_size: _Size | tuple[int | None, ...]) -> None: ...

class AdaptiveAvgPool2d(Module):
    def __init__(self, output_size: _Size | tuple[int | None, ...]) -> None: ...

class AdaptiveAvgPool3d(Module):
    def __init__(self, output_size: _Size | tuple[int | None, ...]) -> None: ...

class AvgPool1d(Module):
    def __init__(
        self,
        kernel_size: _Size,
        stride: _Size | None = None,
        padding: _Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None: ...

class AvgPool2d(Module):
    def __init__(
        self,
        kernel_size: _Size,
        stride: _Size | None = None,
        padding: _Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None: ...

class AvgPool3d(Module):
    def __init__(
        self,
        kernel_size: _Size,
        stride: _Size | None = None,
        padding: _Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None: ...

class BatchNorm1d(Module):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: DTypeLike = ...,
        *,
        bias: bool = True,
    ) -> None: ...

class BatchNorm2d(Module):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: DTypeLike = ...,
        *,
        bias: bool = True,
    ) -> None: ...

class BatchNorm3d(Module):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: DTypeLike = ...,
        *,
        bias: bool = True,
    ) -> None: ...

class SyncBatchNorm(Module):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: DTypeLike = ...,
        *,
        bias: bool = True,
    ) -> None: ...
    @staticmethod
    def convert(net: Module) -> Module: ...

class Bias(Module):
    def __init__(self, num_features: int, dtype: DTypeLike = ...) -> None: ...

class CircularPad1d(Module):
    def __init__(self, padding: _Size) -> None: ...

class CircularPad2d(Module):
    def __init__(self, padding: _Size) -> None: ...

class CircularPad3d(Module):
    def __init__(self, padding: _Size) -> None: ...

class ConstantPad1d(Module):
    def __init__(self, padding: _Size, value: float) -> None: ...

class ConstantPad2d(Module):
    def __init__(self, padding: _Size, value: float) -> None: ...

class ConstantPad3d(Module):
    def __init__(self, padding: _Size, value: float) -> None: ...

class Conv1d(Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Size,
        stride: _Size = 1,
        padding: _Size | str = 0,
        dilation: _Size = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: DTypeLike = ...,
    ) -> None: ...

class Conv2d(Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Size,
        stride: _Size = 1,
        padding: _Size | str = 0,
        dilation: _Size = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: DTypeLike = ...,
    ) -> None: ...

class Conv3d(Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Size,
        stride: _Size = 1,
        padding: _Size | str = 0,
        dilation: _Size = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: DTypeLike = ...,
    ) -> None: ...

class ConvTranspose1d(Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Size,
        stride: _Size = 1,
        padding: _Size = 0,
        output_padding: _Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: _Size = 1,
        dtype: DTypeLike = ...,
    ) -> None: ...

class ConvTranspose2d(Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Size,
        stride: _Size = 1,
        padding: _Size = 0,
        output_padding: _Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: _Size = 1,
        dtype: DTypeLike = ...,
    ) -> None: ...

class ConvTranspose3d(Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: _Size,
        stride: _Size = 1,
        padding: _Size = 0,
        output_padding: _Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: _Size = 1,
        dtype: DTypeLike = ...,
    ) -> None: ...

class Dropout(Module):
    def __init__(self, p: float = 0.5) -> None: ...

class Dropout1d(Dropout): ...
class Dropout2d(Dropout): ...
class Dropout3d(Dropout): ...

class Embedding(Module):
    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, dtype: DTypeLike = ...
    ) -> None: ...

class Flatten(Module):
    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None: ...

class GraphConv(Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: DTypeLike = ...) -> None: ...

class GroupNorm(Module):
    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-05,
        affine: bool = True,
        dtype: DTypeLike = ...,
        *,
        bias: bool = True,
    ) -> None: ...

class Hardshrink(Module):
    def __init__(self, lambd: float = 0.5) -> None: ...

class Hardsigmoid(Module): ...
class Hardswish(Module): ...

class Hardtanh(Module):
    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None: ...

class MultiheadAttention(Module):
    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        dtype: DTypeLike = ...,
    ) -> None: ...
    @property
    def attn_weights(self) -> Array: ...

class TransformerEncoderLayer(Graph):
    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Module = "relu",
        layer_norm_eps: float = 1e-05,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: DTypeLike = ...,
    ) -> None: ...

class TransformerEncoder(Graph):
    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None: ...

class LayerNorm(Module):
    def __init__(
        self,
        normalized_shape: _Size,
        eps: float = 1e-05,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: DTypeLike = ...,
    ) -> None: ...

class LeakyReLU(Module):
    def __init__(self, negative_slope: float = 0.01) -> None: ...

class Linear(Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: DTypeLike = ...) -> None: ...

class LogSigmoid(Module): ...

class LogSoftmax(Module):
    def __init__(self, dim: int = -1) -> None: ...

class MaxPool1d(Module):
    def __init__(
        self,
        kernel_size: _Size,
        stride: _Size | None = None,
        padding: _Size = 0,
        dilation: _Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None: ...

class MaxPool2d(Module):
    def __init__(
        self,
        kernel_size: _Size,
        stride: _Size | None = None,
        padding: _Size = 0,
        dilation: _Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None: ...

class MaxPool3d(Module):
    def __init__(
        self,
        kernel_size: _Size,
        stride: _Size | None = None,
        padding: _Size = 0,
        dilation: _Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None: ...

class Mish(Module): ...

class PReLU(Module):
    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: DTypeLike = ...) -> None: ...

class ReflectionPad1d(Module):
    def __init__(self, padding: _Size) -> None: ...

class ReflectionPad2d(Module):
    def __init__(self, padding: _Size) -> None: ...

class ReflectionPad3d(Module):
    def __init__(self, padding: _Size) -> None: ...

class ReLU(Module): ...

class ReLU6(Hardtanh):
    def __init__(self) -> None: ...

class ReplicationPad1d(Module):
    def __init__(self, padding: _Size) -> None: ...

class ReplicationPad2d(Module):
    def __init__(self, padding: _Size) -> None: ...

class ReplicationPad3d(Module):
    def __init__(self, padding: _Size) -> None: ...

class RMSNorm(LayerNorm):
    def __init__(
        self, normalized_shape: _Size, eps: float | None = None, elementwise_affine: bool = True, dtype: DTypeLike = ...
    ) -> None: ...

class Sigmoid(Module): ...
class SiLU(Module): ...

class Softmax(Module):
    def __init__(self, dim: int = -1) -> None: ...

class Softplus(Module):
    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None: ...

class Softshrink(Hardshrink): ...
class Softsign(Module): ...
class Tanh(Module): ...
class Tanhshrink(Module): ...

class Unflatten(Module):
    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None: ...

class ZeroPad1d(Module):
    def __init__(self, padding: _Size) -> None: ...

class ZeroPad2d(Module):
    def __init__(self, padding: _Size) -> None: ...

class ZeroPad3d(Module):
    def __init__(self, padding: _Size) -> None: ...

class BCELoss(Loss):
    def __init__(self, *, weight: ArrayLike | None = None, reduction: str = "mean") -> None: ...

class BCEWithLogitsLoss(Loss):
    def __init__(
        self, *, weight: ArrayLike | None = None, reduction: str = "mean", pos_weight: ArrayLike | None = None
    ) -> None: ...

class CrossEntropyLoss(Loss):
    def __init__(
        self,
        *,
        weight: ArrayLike | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        num_classes: int | None = None,
    ) -> None: ...

class Bilinear(Graph):
    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, dtype: DTypeLike = ...
    ) -> None: ...

class ChannelShuffle(Graph):
    def __init__(self, groups: int) -> None: ...

class CosineSimilarity(Graph):
    def __init__(self, dim: int = 1, eps: float = 1e-08) -> None: ...

class GLU(Module):
    def __init__(self, dim: int = -1) -> None: ...

class LocalResponseNorm(Graph):
    def __init__(self, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> None: ...

class PairwiseDistance(Graph):
    def __init__(self, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> None: ...

class PixelShuffle(Graph):
    def __init__(self, upscale_factor: int) -> None: ...

class PixelUnshuffle(Graph):
    def __init__(self, downscale_factor: int) -> None: ...

class Softmax2d(Softmax):
    def __init__(
        self,
    ) -> None: ...

class Softmin(Softmax):
    def __init__(self, dim: int = -1) -> None: ...

class Threshold(Graph):
    def __init__(self, threshold: float, value: float) -> None: ...

class Upsample(Module):
    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
    ) -> None: ...

class Identity(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class InstanceNorm1d(Module):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: DTypeLike = ...,
        *,
        bias: bool = True,
    ) -> None: ...

class InstanceNorm2d(Module):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: DTypeLike = ...,
        *,
        bias: bool = True,
    ) -> None: ...

class InstanceNorm3d(Module):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: DTypeLike = ...,
        *,
        bias: bool = True,
    ) -> None: ...

class CosineEmbeddingLoss(Loss):
    def __init__(self, *, margin: float = 0.0, reduction: str = "mean") -> None: ...

class GaussianNLLLoss(Loss):
    def __init__(self, *, full: bool = False, eps: float = 1e-06, reduction: str = "mean") -> None: ...

class HingeEmbeddingLoss(Loss):
    def __init__(self, *, margin: float = 1.0, reduction: str = "mean") -> None: ...

class MarginRankingLoss(Loss):
    def __init__(self, *, margin: float = 0.0, reduction: str = "mean") -> None: ...

class MultiLabelMarginLoss(Loss): ...

class MultiLabelSoftMarginLoss(Loss):
    def __init__(self, *, weight: ArrayLike | None = None, reduction: str = "mean") -> None: ...

class MultiMarginLoss(Loss):
    def __init__(
        self, *, p: int = 1, margin: float = 1.0, weight: ArrayLike | None = None, reduction: str = "mean"
    ) -> None: ...

class PoissonNLLLoss(Loss):
    def __init__(
        self, *, log_input: bool = True, full: bool = False, eps: float = 1e-08, reduction: str = "mean"
    ) -> None: ...

class SoftMarginLoss(Loss):
    def __init__(self, *, reduction: str = "mean") -> None: ...

class TripletMarginLoss(Loss):
    def __init__(
        self, *, margin: float = 1.0, p: float = 2.0, eps: float = 1e-06, swap: bool = False, reduction: str = "mean"
    ) -> None: ...

class HuberLoss(Loss):
    def __init__(self, *, reduction: str = "mean", delta: float = 1.0) -> None: ...

class KLDivLoss(Loss):
    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None: ...

class L1Loss(Loss): ...
class MSELoss(Loss): ...

class NLLLoss(Loss):
    def __init__(
        self, *, weight: ArrayLike | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None: ...

class SmoothL1Loss(Loss):
    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None: ...

class SGD(Optimizer):
    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 0.001,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
    ) -> None: ...

class Adam(Optimizer):
    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0,
        amsgrad: bool = False,
    ) -> None: ...

class AdamW(Adam):
    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
    ) -> None: ...

class RMSprop(Optimizer):
    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-08,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
    ) -> None: ...

class Adagrad(Optimizer):
    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 0.01,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
    ) -> None: ...

class NAdam(Adam):
    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0,
        momentum_decay: float = 0.004,
        decoupled_weight_decay: bool = False,
    ) -> None: ...

class ExponentialLR(LRScheduler):
    def __init__(self, optimizer: Optimizer, gamma: float) -> None: ...

class MultiStepLR(LRScheduler):
    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None: ...

class LambdaLR(LRScheduler):
    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]
    ) -> None: ...

class SequentialLR(LRScheduler):
    def __init__(self, optimizer: Optimizer, schedulers: Iterable[LRScheduler], milestones: Iterable[int]) -> None: ...

class ChainedScheduler(LRScheduler):
    def __init__(self, schedulers: Iterable[LRScheduler]) -> None: ...

class ReduceLROnPlateau:
    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None: ...
    def step(self, metrics: float) -> None: ...
    def get_last_lr(self) -> list[float]: ...
    def state_dict(self) -> dict[str, Array]: ...
    def load_state_dict(self, saved: Mapping[str, Any]) -> None: ...

def clip_grad_norm_(
    parameters: Parameter | Iterable[Parameter],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float: ...
def clip_grad_value_(parameters: Parameter | Iterable[Parameter], clip_value: float) -> None: ...
def predict(net: Module, x: Array, batch_size: int = 256) -> Array: ...

class StepLR(LRScheduler):
    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None: ...

class CosineAnnealingLR(LRScheduler):
    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None: ...

class LinearLR(LRScheduler):
    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 0.3333333333333333,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None: ...

class OneCycleLR(LRScheduler):
    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 10000.0,
        three_phase: bool = False,
    ) -> None: ...

class RNNCell(Module):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        dtype: DTypeLike = ...,
    ) -> None: ...

class GRUCell(Module):
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: DTypeLike = ...) -> None: ...

class LSTMCell(Module):
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: DTypeLike = ...) -> None: ...

class AdaptiveMaxPool1d(Module):
    def __init__(self, output_size: int | None | Sequence[int | None], return_indices: bool = False) -> None: ...

class AdaptiveMaxPool2d(Module):
    def __init__(self, output_size: int | None | Sequence[int | None], return_indices: bool = False) -> None: ...

class AdaptiveMaxPool3d(Module):
    def __init__(self, output_size: int | None | Sequence[int | None], return_indices: bool = False) -> None: ...

class MaxUnpool1d(Module):
    def __init__(self, kernel_size: _Size, stride: _Size | None = None, padding: _Size = 0) -> None: ...

class MaxUnpool2d(Module):
    def __init__(self, kernel_size: _Size, stride: _Size | None = None, padding: _Size = 0) -> None: ...

class MaxUnpool3d(Module):
    def __init__(self, kernel_size: _Size, stride: _Size | None = None, padding: _Size = 0) -> None: ...

class LPPool1d(Module):
    def __init__(
        self, norm_type: float, kernel_size: _Size, stride: _Size | None = None, ceil_mode: bool = False
    ) -> None: ...

class LPPool2d(Module):
    def __init__(
        self, norm_type: float, kernel_size: _Size, stride: _Size | None = None, ceil_mode: bool = False
    ) -> None: ...

class LPPool3d(Module):
    def __init__(
        self, norm_type: float, kernel_size: _Size, stride: _Size | None = None, ceil_mode: bool = False
    ) -> None: ...

class Unfold(Module):
    def __init__(self, kernel_size: _Size, dilation: _Size = 1, padding: _Size = 0, stride: _Size = 1) -> None: ...

class Fold(Module):
    def __init__(
        self, output_size: _Size, kernel_size: _Size, dilation: _Size = 1, padding: _Size = 0, stride: _Size = 1
    ) -> None: ...

class RReLU(Module):
    def __init__(self, lower: float = ..., upper: float = ...) -> None: ...

class CTCLoss(Module):
    def __init__(self, *, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None: ...

class LazyLinear(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyConv1d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyConv2d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyConv3d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyConvTranspose1d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyConvTranspose2d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyConvTranspose3d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyBatchNorm1d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyBatchNorm2d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyBatchNorm3d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyInstanceNorm1d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyInstanceNorm2d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...

class LazyInstanceNorm3d(Module):
    def __init__(self, *args: Any, **options: Any) -> None: ...
