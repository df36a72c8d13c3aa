"""The networks that the counters are run on: torchvision's and timm's own, with the weights that they start with.

Weights matter to one figure only: onnx-tool's params, since the exporter writes arrays that are equal only once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class CountedNetwork(NamedTuple):
    """A network, the shape of its input without the batch, and the spec of the zoo that is the same network."""

    make: Callable[[], Any]
    shape: tuple[int, ...]
    spec: str | None


PICTURE = (3, 224, 224)
TORCHVISION: dict[str, tuple[str | None, tuple[int, ...], dict[str, Any]]] = {
    "resnet18": ("resnet18", PICTURE, {}),
    "resnet50": ("resnet50", PICTURE, {}),
    "resnext50_32x4d": ("resnext50_32x4d", PICTURE, {}),
    "squeezenet1_0": ("squeezenet1_0", PICTURE, {}),
    "squeezenet1_1": ("squeezenet1_1", PICTURE, {}),
    "alexnet": ("alexnet", PICTURE, {}),
    "vgg16": ("vgg16", PICTURE, {}),
    "googlenet": ("googlenet", PICTURE, {"aux_logits": False, "init_weights": False}),
    "densenet121": ("densenet121", PICTURE, {}),
    "inception_v3": ("inception_v3", (3, 299, 299), {"aux_logits": False, "init_weights": False}),
    "mobilenet_v2": ("mobilenet_v2", PICTURE, {}),
    "mobilenet_v3_small": ("mobilenet_v3_small", PICTURE, {}),
    "mobilenet_v3_large": ("mobilenet_v3_large", PICTURE, {}),
    "efficientnet_b0": ("efficientnet_b0", PICTURE, {}),
    "shufflenet_v2_x1_0": ("shufflenet_v2", PICTURE, {}),
    "convnext_tiny": ("convnext_tiny", PICTURE, {}),
    "r3d_18": ("r3d_18", (3, 16, 112, 112), {}),
    "fcn_resnet50": ("fcn_resnet50", (3, 520, 520), {"weights_backbone": None}),
    "deeplabv3_resnet50": ("deeplabv3_resnet50", (3, 520, 520), {"weights_backbone": None}),
    "vit_b_16": (None, PICTURE, {}),
    "swin_t": (None, PICTURE, {}),
    "resnet101": (None, PICTURE, {}),
    "vgg11_bn": (None, PICTURE, {}),
    "mnasnet1_0": (None, PICTURE, {}),
    "regnet_y_400mf": (None, PICTURE, {}),
    "efficientnet_v2_s": (None, PICTURE, {}),
    "lraspp_mobilenet_v3_large": (None, (3, 520, 520), {"weights_backbone": None}),
    "swin_v2_t": (None, PICTURE, {}),
}
"""By name: the spec, the input, and what the function of torchvision takes."""

TIMM: dict[str, tuple[str | None, tuple[int, ...]]] = {
    "resnet50": ("resnet50", PICTURE),
    "convnext_tiny": ("convnext_tiny", PICTURE),
    "vit_tiny_patch16_224": (None, PICTURE),
    "efficientnet_b0": ("efficientnet_b0", PICTURE),
    "ghostnet_100": ("ghostnet", PICTURE),
    "inception_v4": ("inception_v4", (3, 299, 299)),
    "legacy_xception": ("xception", (3, 299, 299)),
    "legacy_senet154": ("senet154", PICTURE),
    "legacy_seresnet50": ("seresnet50", PICTURE),
    "mobilenetv1_100": ("mobilenet_v1_standard", PICTURE),
    "mixer_s32_224": (None, PICTURE),
}
"""By timm's name: the spec and the input."""


def networks() -> dict[str, CountedNetwork]:
    """All networks by name; those of timm have it before theirs."""
    made = {
        name: CountedNetwork(_torchvision(name), shape, _zoo(spec)) for name, (spec, shape, _) in TORCHVISION.items()
    }
    made["unet_like"] = CountedNetwork(unet_like, (3, 64, 64), "tests/data/counters/unet_like.yaml")
    return made | {
        f"timm:{name}": CountedNetwork(_timm(name), shape, _zoo(spec)) for name, (spec, shape) in TIMM.items()
    }


def member(made: Mapping[str, Any], shape: Sequence[int]) -> CountedNetwork:
    """A network of torchvision by the name and what else its function takes."""

    def make() -> Any:
        from torchvision import models

        taken = {"weights": None, **made}
        return models.get_model(taken.pop("name"), **taken)

    return CountedNetwork(make, tuple(shape), None)


def _zoo(spec: str | None) -> str | None:
    return spec and f"specs/zoo/{spec}.yaml"


def _torchvision(name: str) -> Callable[[], Any]:
    def make() -> Any:
        from torchvision import models

        return models.get_model(name, weights=None, **TORCHVISION[name][2])

    return make


def _timm(name: str) -> Callable[[], Any]:
    def make() -> Any:
        import timm

        return timm.create_model(name)

    return make


def unet_like() -> Any:
    """A small U-Net, once up by a transposed convolution and once by interpolation; all but torch.cat is modules."""
    import torch
    from torch import nn

    def double(channels: int, width: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for entering in (channels, width):
            layers += [nn.Conv2d(entering, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        return nn.Sequential(*layers)

    class UnetLike(nn.Module):  # type: ignore[misc]  # where PyTorch is not installed
        def __init__(self) -> None:
            super().__init__()
            self.d1, self.pool1 = double(3, 16), nn.MaxPool2d(2, 2)
            self.d2, self.pool2 = double(16, 32), nn.MaxPool2d(2, 2)
            self.d3 = double(32, 64)
            self.u2, self.e2 = nn.ConvTranspose2d(64, 32, 2, stride=2), double(64, 32)
            self.up, self.c1 = nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(32, 16, 1)
            self.e1, self.h = double(32, 16), nn.Conv2d(16, 2, 1)

        def forward(self, x: Any) -> Any:
            d1 = self.d1(x)
            d2 = self.d2(self.pool1(d1))
            x = self.e2(torch.cat([self.u2(self.d3(self.pool2(d2))), d2], 1))
            return self.h(self.e1(torch.cat([self.c1(self.up(x)), d1], 1)))

    return UnetLike()
