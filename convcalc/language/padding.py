"""The padding with which a convolution of another dilation gives as many positions as before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from convcalc.fields import PaddingType
from convcalc.language.tree import Node, Scalar
from convcalc.language.writing import value_text

Pair = tuple[int, int]


class NoPadding(ValueError):
    """No padding keeps the size, or none that can be written; the message says why."""


def size_keeping(rate: str, written: Mapping[str, Node], configs: Sequence[Any]) -> str | None:
    """The padding to write where taps shall be `rate` apart, a value of a spec; None where it stays as it is.

    The window's extent d·(k - 1) + 1 grows by (rate - d)·(k - 1), and so does the padding: half of it before, half
    behind, the odd position at the end. `written` are the fields of the layer as they are written, `configs` what they
    come to in each of its repetitions and calls.

    Raises:
        NoPadding: it would be negative, or the repetitions cannot have it in one text.
    """
    numbers = re.findall(r"\d+", rate) if re.fullmatch(r"\d+|\[\s*\d+(\s*,\s*\d+)*\s*\]", rate) else []
    if all(config.padding in ("same", "same_lower", "causal") for config in configs):
        return None
    if numbers:
        paddings = {_grown(config, [int(number) for number in numbers]) for config in configs}
        if len(paddings) == 1:
            before, after = configs[0].padding, paddings.pop()
            return None if before == after else value_text(PaddingType("").written(after))
    return _formula(rate, written, configs)


def _grown(config: Any, rates: list[int]) -> tuple[Pair, ...]:
    rank = len(config.kernel_size)
    if isinstance(config.padding, str) and config.padding != "valid":
        raise NoPadding(f"padding is {config.padding} in some of its repetitions alone")
    pairs = ((0, 0),) * rank if config.padding == "valid" else config.padding
    grown = []
    for (before, after), taps, dilation, rate in zip(
        pairs, config.kernel_size, config.dilation, rates * rank if len(rates) == 1 else rates, strict=False
    ):
        more = (rate - dilation) * (taps - 1)
        pair = before + more // 2, after + more - more // 2
        if min(pair) < 0:
            raise NoPadding(f"the size stays with a padding of {min(pair)} alone, which is below 0")
        grown.append(pair)
    return tuple(grown)


def _formula(rate: str, written: Mapping[str, Node], configs: Sequence[Any]) -> str:
    """An expression of what is written, where the repetitions differ or the rate is an expression itself."""
    parts = [written.get(field) for field in ("padding", "dilation", "kernel_size")]
    is_scalar = all(part is None or isinstance(part, Scalar) for part in parts)
    is_uniform = all(
        len({*config.kernel_size}) == len({*config.dilation}) == 1 and isinstance(config.padding, tuple)
        for config in configs
    )
    if not is_scalar or not is_uniform:
        raise NoPadding("its padding differs between its repetitions and axes; write dilated:padding=VALUE")
    padding, dilation, taps = (_part(part, default) for part, default in zip(parts, ("0", "1", ""), strict=True))
    start = "" if padding == "0" else f"{padding} + "
    rate = rate if re.fullmatch(r"\w+", rate) else f"({rate})"
    return f"{start}({rate} - {dilation}) * ({taps} - 1) / 2"


def _part(node: Node | None, default: str) -> str:
    text = str(node.value) if isinstance(node, Scalar) else default
    return text if re.fullmatch(r"[\w.]+", text) else f"({text})"
