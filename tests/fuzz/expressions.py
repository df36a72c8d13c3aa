"""Expressions of the spec language: some that are worth a given number, and others of whatever the grammar allows."""

from __future__ import annotations

import random
from collections.abc import Sequence

FUNCTIONS = ("abs", "ceil", "floor", "len", "max", "min", "on_axis", "round", "round_to", "sum", "taps")
OF_LAYERS = ("channels_of", "size_of")
NAMES = ("in_channels", "input_channels", "rank", "index", "true", "false", "null", "same", "input", "previous")
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "and", "or")
ODD_NUMBERS = ("0", "-1", "1", "0.5", "1e-30", "1e30", "2**31", "2**62", "-2**63", "10**30", "10**9", "2**255", "1/3")


def worth(number: int, names: Sequence[str], draw: random.Random, depth: int = 2) -> str:
    """A text whose value is `number`, whatever the variables called `names` are."""
    plain = str(number) if number >= 0 else f"({number})"
    if depth == 0 or draw.random() < 0.3:
        return plain
    inner = worth(number, names, draw, depth - 1)
    other = draw.choice([*names, "rank", "3", "2 ** 4", "in_channels"])
    forms = (
        f"{inner} + 0 * len([{other}])",
        f"{inner} if {draw.choice(['true', '1 < 2', 'not false', 'rank >= 0'])} else {other}",
        f"[{inner}, {other}][0]",
        f"max([{inner}, {plain}])",
        f"min({inner}, {plain})",
        f"sum([{inner}])",
        f"round({inner})",
        f"({inner} * 2) // 2",
        f"{inner} / 1",
        f"abs({inner})" if number >= 0 else inner,
        f"round_to({inner}, 1)" if number > 0 else inner,
        f"ceil({inner} - 0.5) + floor(0.5)" if number > 0 else inner,
    )
    return draw.choice(forms)


def wild(names: Sequence[str], draw: random.Random, depth: int = 4) -> str:
    """Whatever the grammar allows, of whatever value, if it has one."""
    if depth == 0 or draw.random() < 0.15:
        return draw.choice([draw.choice([*names, *NAMES]), draw.choice(ODD_NUMBERS), str(draw.randint(0, 9)), "'a'"])
    parts = [wild(names, draw, depth - 1) for _ in range(draw.choice((1, 2, 2, 3)))]
    first, last = parts[0], parts[-1]
    form = draw.randrange(9)
    if form < 2:
        return f"{first} {draw.choice(OPERATORS)} {last}"
    if form == 2:
        return f"({first}) {draw.choice(OPERATORS)} ({last})"
    if form == 3:
        return f"{draw.choice(FUNCTIONS)}({', '.join(parts)})"
    if form == 4:
        return f"[{', '.join(parts)}]"
    if form == 5:
        return f"{first} if {parts[len(parts) // 2]} else {last}"
    if form == 6:
        return f"[{', '.join(parts)}]{draw.choice([f'[{last}]', f' * {draw.choice(ODD_NUMBERS)}', ' + [1, 2]'])}"
    if form == 7:
        return f"{draw.choice(('-', 'not ', '+'))}{first}"
    return f"{draw.choice(OF_LAYERS)}({draw.choice([*names, 'input', 'previous', 'conv1', first])})"
