"""Names in Python for what is called anything in a spec."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection

LONGEST = 48
"""Characters of a name: a longer one would not leave room for what is done with it."""

_IMPORTED = {"DeformConv2d", "F", "math", "nn", "self", "torch"}
TAKEN = frozenset({*dir(builtins), *keyword.kwlist, *keyword.softkwlist, *_IMPORTED}) - {"input"}
"""What is something else wherever code stands."""

_OF_MODULES = """
T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule
half ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters
parameters register_buffer register_module register_parameter requires_grad_ set_extra_state
set_submodule share_memory state_dict to to_empty train training type xpu zero_grad
"""
MODULE_ATTRIBUTES = frozenset(_OF_MODULES.split())
"""What nn.Module has under a name already, beside what begins with `register_` and with an underscore."""


def identifier(name: str, taken: Collection[str] = ()) -> str:
    """A name of a spec as one of Python that is not taken."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "layer"
    plain = f"n{plain}" if plain[0].isdigit() else plain
    plain = plain[:LONGEST].rstrip("_")
    return unique(f"{plain}_" if plain in TAKEN else plain, taken)


def attribute(name: str, taken: Collection[str]) -> str:
    """A name for what a module holds."""
    plain = identifier(name)
    hidden = plain in MODULE_ATTRIBUTES or plain.startswith("register_")
    return unique(f"{plain}_" if hidden else plain, taken)


def class_name(name: str, taken: Collection[str]) -> str:
    """A name for a class: the words of a name, each with a capital."""
    words = re.findall(r"[A-Za-z][A-Za-z0-9]*|[0-9]+", name)
    plain = "".join(word[0].upper() + word[1:] for word in words)[:LONGEST] or "Network"
    plain = f"Network{plain}" if plain[0].isdigit() else plain
    plain = f"{plain}Block" if plain in TAKEN else plain
    named, number = plain, 2
    while named in taken:
        named, number = f"{plain}{number}", number + 1
    return named


def unique(name: str, taken: Collection[str]) -> str:
    """The name, or with the first number behind it that makes it one of its own."""
    if name not in taken:
        return name
    number = 2
    while f"{name.rstrip('_')}_{number}" in taken:
        number += 1
    return f"{name.rstrip('_')}_{number}"
