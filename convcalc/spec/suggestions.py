"""What a misspelt word may have been meant to be."""

from __future__ import annotations

import re
from collections.abc import Iterable

ELSEWHERE = {
    "bn": "batch_norm",
    "cat": "concat",
    "concatenate": "concat",
    "deconv": "conv_transpose",
    "dense": "linear",
    "fc": "linear",
    "gap": "global_avg_pool",
    "gemm": "linear",
    "gn": "group_norm",
    "interpolate": "upsample",
    "ln": "layer_norm",
    "lrn": "local_response_norm",
    "mha": "attention",
    "multiheadattention": "attention",
    "resize": "upsample",
    "se": "squeeze_excite",
    "swish": "silu",
}
"""What other tools call our kinds, where it is not close enough to be found."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A suggestion, or nothing."""
    known = list(known)
    elsewhere = ELSEWHERE.get(str(word).replace("_", "").lower())
    found = [elsewhere] if elsewhere in known else close(word, known)
    return f"did you mean `{found[0]}`?" if found else ""


def close(word: object, known: Iterable[str]) -> list[str]:
    """The nearest known word, if one is near; PyTorch's class names are near our kinds (MaxPool2d, max_pool)."""
    import difflib

    squashed = {name.replace("_", "").lower(): name for name in known}
    meant = re.sub(r"(?<=[a-z])[123]d$", "", str(word)[:100].replace("_", "").lower())
    return [squashed[name] for name in difflib.get_close_matches(meant, list(squashed), n=1, cutoff=0.6)]
