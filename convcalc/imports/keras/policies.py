"""The `dtype` of a layer's config: the formats of its arrays and of what leaves it.

It is the name of a type, or of a policy: `mixed_float16` computes in float16 and keeps its arrays in float32, and
`int8_from_mixed_bfloat16` keeps the matrices of a layer in int8 beside.
"""

from __future__ import annotations

from typing import Any

import msgspec

from convcalc.arithmetic.precision import Format
from convcalc.imports.number_formats import format_named

_MATRICES = ("kernel", "embeddings")
"""Arrays that a policy of few bits is for."""


class Policy(msgspec.Struct, frozen=True):
    """The format of a layer's arrays, that of what leaves it, and that of its matrices; None where none is known."""

    arrays: Format | None = None
    leaving: Format | None = None
    matrices: Format | None = None

    def of_array(self, name: str) -> Format | None:
        """The format of an array, by the file's name for it."""
        return self.matrices if name.rpartition("_")[2] in _MATRICES else self.arrays


def policy_of(dtype: Any) -> Policy:
    """What a config says; nothing where it says nothing that is known."""
    if isinstance(dtype, dict):
        config = dtype.get("config")
        config = config if isinstance(config, dict) else {}
        dtype, mode = config.get("name", config.get("source_name")), config.get("mode")
        if isinstance(mode, str) and isinstance(config.get("source_name"), str):
            dtype = f"{mode}_from_{config['source_name']}"
    if not isinstance(dtype, str):
        return Policy()
    mode, _, source = dtype.rpartition("_from_")
    if source.startswith("mixed_"):
        arrays, leaving = format_named("float32"), format_named(source.removeprefix("mixed_"))
    else:
        arrays = leaving = format_named(source)
    rounded = format_named(mode.partition("/")[0])
    return Policy(arrays, leaving, rounded or arrays)
