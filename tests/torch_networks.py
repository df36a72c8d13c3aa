"""Small networks of PyTorch, each with something that a gradient has to come back through. Needs torch.

Every entry of `NETWORKS` has random weights that `seeded` draws, takes a picture of at most 3x24x24, and is so small
that its ONNX file stays below 60 kB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

Tensor = Any
"""A tensor of PyTorch, which has no types where it is not installed."""


class Example(NamedTuple):
    """A network, what enters it, and whether it ends in a softmax, before which its score is asked."""

    make: Callable[[], Any]
    shape: tuple[int, ...] = (3, 16, 16)
    softmax: bool = False


def parts(forward: Callable[..., Tensor], **modules: Any) -> Any:
    """A module of these modules, which `forward(self, x)` calls by their names."""
    made = type(forward.__name__.strip("_").title(), (nn.Module,), {"forward": forward})()
    for name, module in modules.items():
        made.add_module(name, module)
    return made


def seeded(example: Example, seed: int) -> Any:
    """The network with weights and statistics of this seed, in inference mode.

    Norms get scales, shifts and running statistics of their own, so that none of them is an identity.
    """
    torch.manual_seed(seed)
    network = example.make()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d | nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.6, 1.4)
            nn.init.normal_(module.bias, 0, 0.3)
    return network.eval()


def plain() -> Any:
    """Convolutions, ReLU, max pools and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        nn.Flatten(),
        nn.Linear(12 * 4 * 4, 10),
    )


def batch_norm() -> Any:
    """Norms before their convolutions, where no exporter folds them."""
    return nn.Sequential(
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Conv2d(3, 8, 3, bias=False),
        nn.ReLU(),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=2, bias=False),
        nn.ReLU(),
        nn.BatchNorm2d(8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


def separable() -> Any:
    """MobileNet's inverted residual blocks with ReLU6, whose norms an exporter folds."""

    def block(channels: int, wide: int, out: int, stride: int) -> Any:
        return nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )

    def _separable(self: Any, x: Tensor) -> Tensor:
        x = self.first(3 * x)
        return self.head((x + self.second(x)).mean((2, 3)))

    return parts(_separable, first=block(3, 12, 8, 2), second=block(8, 24, 8, 1), head=nn.Linear(8, 10))


def residual() -> Any:
    """ResNet's basic block with a strided shortcut, and one with an identity."""

    def convolution(channels: int, out: int, kernel: int, stride: int) -> Any:
        return nn.Sequential(nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out))

    def _residual(self: Any, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))
        x = torch.relu(self.fourth(torch.relu(self.third(x))) + x)
        return self.head(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))

    return parts(
        _residual,
        stem=convolution(3, 6, 3, 1),
        first=convolution(6, 8, 3, 2),
        second=convolution(8, 8, 3, 1),
        shortcut=convolution(6, 8, 1, 2),
        third=convolution(8, 8, 3, 1),
        fourth=convolution(8, 8, 3, 1),
        head=nn.Linear(8, 10),
    )


def dense() -> Any:
    """DenseNet's layers, each of which sees all that were before, and a transition."""

    def layer(channels: int) -> Any:
        return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 4, 3, padding=1, bias=False))

    def _dense(self: Any, x: Tensor) -> Tensor:
        x = self.stem(x)
        for following in (self.first, self.second, self.third):
            x = torch.cat([x, following(x)], 1)
        return self.head(torch.flatten(self.transition(x), 1))

    transition = nn.Sequential(nn.BatchNorm2d(18), nn.ReLU(), nn.Conv2d(18, 6, 1, bias=False), nn.AvgPool2d(4))
    return parts(
        _dense,
        stem=nn.Conv2d(3, 6, 3, 2, 1, bias=False),
        first=layer(6),
        second=layer(10),
        third=layer(14),
        transition=transition,
        head=nn.Linear(6 * 2 * 2, 10),
    )


def decoder() -> Any:
    """An encoder, transposed convolutions of several forms with a skip, and a map that leaves."""

    def _decoder(self: Any, x: Tensor) -> Tensor:
        first = torch.relu(self.first(x))
        x = torch.relu(self.second(first))
        x = torch.relu(self.third(x))
        x = torch.relu(self.up(x))
        x = torch.relu(self.grouped(x)) + first
        return self.last(x)

    return parts(
        _decoder,
        first=nn.Conv2d(3, 8, 3, 2, 1),
        second=nn.Conv2d(8, 8, 3, 2, 1),
        third=nn.Conv2d(8, 12, 3, 1, 1),
        up=nn.ConvTranspose2d(12, 8, 3, 1, 1),
        grouped=nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1, groups=4, bias=False),
        last=nn.ConvTranspose2d(8, 4, 4, 2, 1),
    )


def activations() -> Any:
    """The smooth activations and those with slopes of their own, one after another."""

    def _activations(self: Any, x: Tensor) -> Tensor:
        x = functional.silu(self.first(2 * x))
        x = functional.gelu(self.second(x))
        x = functional.gelu(self.third(x), approximate="tanh")
        x = functional.hardswish(4 * self.fourth(x))
        x = self.prelu(self.fifth(x))
        x = functional.elu(functional.leaky_relu(x, 0.1)) + torch.tanh(x) * torch.sigmoid(x)
        x = functional.mish(x) + functional.softplus(x) + functional.hardsigmoid(3 * x)
        return self.head(x.mean((2, 3)))

    return parts(
        _activations,
        first=nn.Conv2d(3, 8, 3, 2),
        second=nn.Conv2d(8, 8, 1),
        third=nn.Conv2d(8, 8, 1),
        fourth=nn.Conv2d(8, 8, 1),
        fifth=nn.Conv2d(8, 8, 1),
        prelu=nn.PReLU(8),
        head=nn.Linear(8, 10),
    )


def squeeze_excite() -> Any:
    """Two blocks whose channels are scaled by gates of a sigmoid and of a hard sigmoid."""

    def _squeezed(self: Any, x: Tensor) -> Tensor:
        x = functional.silu(self.first(x))
        x = x * torch.sigmoid(self.widen(functional.silu(self.narrow(x.mean((2, 3), keepdim=True)))))
        x = torch.relu(self.second(x))
        gate = functional.hardsigmoid(self.widen2(torch.relu(self.narrow2(functional.adaptive_avg_pool2d(x, 1)))))
        return self.head(torch.flatten(functional.adaptive_avg_pool2d(gate * x, 1), 1))

    return parts(
        _squeezed,
        first=nn.Conv2d(3, 12, 3, 2, 1),
        narrow=nn.Conv2d(12, 3, 1),
        widen=nn.Conv2d(3, 12, 1),
        second=nn.Conv2d(12, 12, 3, 2, 1, groups=12),
        narrow2=nn.Conv2d(12, 3, 1),
        widen2=nn.Conv2d(3, 12, 1),
        head=nn.Linear(12, 10),
    )


def pools() -> Any:
    """Average pools that count padding and that do not, one that rounds up, adaptive ones, a global maximum."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(3, 3, ceil_mode=True),
        nn.Conv2d(8, 8, 1),
        nn.AvgPool2d(3, 1, 1),
        nn.Conv2d(8, 8, 1),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.Conv2d(8, 8, 1),
        nn.AdaptiveAvgPool2d(2),
        nn.Conv2d(8, 8, 1),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


def dilated() -> Any:
    """Convolutions of rates 1, 2 and 5, as they leave no gaps."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=2, dilation=2),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=5, dilation=5, groups=4),
        nn.ReLU(),
        nn.Conv2d(8, 4, (1, 5), padding=(0, 4), dilation=(1, 2)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 10),
    )


def attention() -> Any:
    """A transformer block with layer norm on patches, its products written out."""

    def _attention(self: Any, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.places
        query, key, value = (
            drawn.reshape(-1, 16, 2, 8).transpose(1, 2) for drawn in self.qkv(self.norm(x)).chunk(3, -1)
        )
        weights = torch.softmax(query @ key.transpose(-2, -1) * 8**-0.5, -1)
        x = x + self.out((weights @ value).transpose(1, 2).reshape(-1, 16, 16))
        x = x + self.narrow(functional.gelu(self.widen(self.norm2(x))))
        return self.head(self.norm3(x).mean(1))

    made = parts(
        _attention,
        patches=nn.Conv2d(3, 16, 4, 4),
        norm=nn.LayerNorm(16),
        qkv=nn.Linear(16, 48),
        out=nn.Linear(16, 16),
        norm2=nn.LayerNorm(16),
        widen=nn.Linear(16, 32),
        narrow=nn.Linear(32, 16),
        norm3=nn.LayerNorm(16),
        head=nn.Linear(16, 10),
    )
    made.places = nn.Parameter(torch.randn(1, 16, 16) / 4)
    return made


def softmax() -> Any:
    """A classifier that ends in a softmax: what is asked is the score before it."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, 2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(8, 8, 3, 2),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(8 * 2 * 2, 10),
        nn.Softmax(1),
    )


def norms() -> Any:
    """Norms that measure their statistics: instance, group, of local responses."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.InstanceNorm2d(8, affine=True),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, 2),
        nn.GroupNorm(4, 8),
        nn.SiLU(),
        nn.LocalResponseNorm(3, 0.5, 0.75, 1.0),
        nn.Conv2d(8, 6, 3),
        nn.GroupNorm(1, 6),
        nn.Flatten(),
        nn.Linear(6 * 4 * 4, 10),
    )


def resized() -> Any:
    """Maps that are enlarged by lines and by neighbours, padded by reflection, and rearranged."""

    def _resized(self: Any, x: Tensor) -> Tensor:
        x = torch.relu(self.first(functional.pad(x, (1, 1, 1, 1), mode="reflect")))
        x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = torch.relu(self.second(x))
        x = functional.interpolate(x, scale_factor=2, mode="nearest")
        return self.last(functional.pixel_shuffle(x, 2))

    return parts(
        _resized, first=nn.Conv2d(3, 8, 3, 2), second=nn.Conv2d(8, 8, 3, 2), last=nn.Conv2d(2, 3, 3, 2, bias=False)
    )


def shuffled() -> Any:
    """ShuffleNet's groups, split and mixed, and products of two layers."""

    def _shuffled(self: Any, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        left, right = x.chunk(2, 1)
        x = torch.cat([left, torch.relu(self.second(right))], 1)
        x = x.reshape(-1, 2, 4, 8, 8).transpose(1, 2).reshape(-1, 8, 8, 8)
        x = torch.maximum(self.third(x), self.fourth(x)) * self.fourth(x) / (1.5 + torch.sigmoid(x))
        return self.head(torch.flatten((x[:, :, 1:7:2] - x[:, :, ::2][:, :, :3]).abs().sqrt().amax(3), 1))

    return parts(
        _shuffled,
        first=nn.Conv2d(3, 8, 3, 2, 1),
        second=nn.Conv2d(4, 4, 3, 1, 1, groups=2),
        third=nn.Conv2d(8, 8, 1, groups=2),
        fourth=nn.Conv2d(8, 8, 3, 1, 1, groups=8),
        head=nn.Linear(24, 10),
    )


def lstm() -> Any:
    """The rows of a picture read in both directions by an LSTM, whose last step is looked at."""

    def _lstm(self: Any, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 1, 3).flatten(2)
        return self.head(self.cells(rows)[0][:, -1])

    return parts(_lstm, cells=nn.LSTM(36, 8, batch_first=True, bidirectional=True), head=nn.Linear(16, 10))


def gru() -> Any:
    """Two layers of GRU over the rows of a picture."""

    def _gru(self: Any, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 1, 3).flatten(2)
        return self.head(self.cells(rows)[0].mean(1))

    return parts(_gru, cells=nn.GRU(36, 8, 2, batch_first=True), head=nn.Linear(8, 10))


NETWORKS = {
    "plain": Example(plain),
    "batch_norm": Example(batch_norm),
    "separable": Example(separable),
    "residual": Example(residual),
    "dense": Example(dense),
    "decoder": Example(decoder),
    "activations": Example(activations),
    "squeeze_excite": Example(squeeze_excite),
    "pools": Example(pools, (3, 24, 24)),
    "dilated": Example(dilated),
    "attention": Example(attention),
    "softmax": Example(softmax, softmax=True),
    "norms": Example(norms),
    "resized": Example(resized),
    "shuffled": Example(shuffled),
    "lstm": Example(lstm, (3, 12, 12)),
    "gru": Example(gru, (3, 12, 12)),
}
