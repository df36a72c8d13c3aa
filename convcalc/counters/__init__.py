"""Other tools that count, and by which rules: one file each, found by being there.

A counter is a file such as ``thop.yaml``: its name is that of the file. `names()` lists the folder, `load(word)` reads
one of them, or a file of the user's, and `choose(text)` one with its options, as ``fvcore:mode=train``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from convcalc.devices import is_file
from convcalc.language.expressions import Expression
from convcalc.language.source import SpecError

FOLDER = Path(__file__).parent

UNITS = ("macs", "flops", "params")
"""What a figure is a count of; ours of that unit is what it is held against."""


class ToolFault(msgspec.Struct, frozen=True):
    """What a tool gets wrong, in layers of some kinds, where `when` holds (None: always).

    `finding` is the script, by name, that shows it on the tool itself; empty where none does.
    """

    kinds: tuple[str, ...]
    what: str
    when: Expression | None = None
    finding: str = ""


class PrintedFigure(msgspec.Struct, frozen=True):
    """A number that a tool prints, under a `word` of its own.

    `unit` is what it counts: see `UNITS`. `rules` give, for a kind, the amount of a layer, by how the code calls it:
    the call itself, its space (see `convcalc.language.coding`), or "" for any. `calls` are the same for any kind, after
    a rule of the kind's own for that call and before its rule for any; `others` is for what is left. Without that,
    nobody has seen what the tool counts there. `parts` are words for what kinds have beyond ours. `once`: layers that
    share their arrays count once. `per_sample`: it is printed for one sample, whatever the batch. `times` is what all
    of it is multiplied with. A rule that comes to null says that nobody has seen what the tool counts in that case.
    """

    word: str
    unit: str
    rules: Mapping[str, Mapping[str, Expression]]
    calls: Mapping[str, Expression] = {}
    others: Expression | None = None
    parts: Mapping[str, str] = {}
    once: bool = False
    per_sample: bool = False
    times: Expression | None = None


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that counts.

    `package` is what its rules were seen in, with the version; `seen` says how. `assumes` are sentences on what it
    must have been given for them to hold. `options` are its own, each with its values, the default first; rules may
    ask for them by name, where no field of the layer is called so; `pass` is asked for as `pass_`.
    """

    name: str
    about: str
    package: str
    seen: str
    assumes: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = {}
    figures: Mapping[str, PrintedFigure]
    faults: tuple[ToolFault, ...] = ()


class ChosenFigure(msgspec.Struct, frozen=True):
    """A figure of a counter, with a value for each of its options."""

    counter: Counter
    figure: PrintedFigure
    options: Mapping[str, str]

    @property
    def changed(self) -> list[str]:
        """The options that are not the default, as they are written."""
        usual = self.counter.options
        return [f"{name}={value}" for name, value in self.options.items() if value != usual[name][0]]

    def __str__(self) -> str:
        """As it is written on the command line: options that are not the default behind a colon."""
        changed = self.changed
        if self.figure.word != next(iter(self.counter.figures)):
            changed.append(f"figure={self.figure.word}")
        return ":".join([self.counter.name, *([",".join(changed)] if changed else [])])


def names() -> list[str]:
    """Every counter there is, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(word: str) -> Counter:
    """The counter of that name, or that of a file.

    Raises:
        SpecError: there is none, or the file cannot be read as one.
    """
    from convcalc.counters import reading

    return reading.of_file(word) if is_file(word) else shipped(word)


@cache
def shipped(name: str) -> Counter:
    """The counter of that name.

    Raises:
        SpecError: there is none.
    """
    from convcalc.counters import reading

    if name not in names():
        raise reading.unknown(name, names())
    return reading.of_text(name, f"{name} (shipped counter)", (FOLDER / f"{name}.yaml").read_text("utf-8"))


def choose(text: str, *, is_in_spec: bool = False) -> ChosenFigure:
    """What ``fvcore``, ``fvcore:mode=train`` or ``calflops:figure=MACs`` name.

    Of a file that a spec names nothing is told but that it is no counter's: specs are from others, and may name any.

    Raises:
        SpecError: there is no such counter, option, value or figure.
    """
    from convcalc.counters import reading

    name, _, written = text.partition(":")
    try:
        counter = load(name)
    except SpecError:
        if is_in_spec and is_file(name):
            raise reading.no_file(name) from None
        raise
    return reading.chosen(counter, text, [part.partition("=") for part in written.split(",") if part])


def of_unit(choice: ChosenFigure, unit: str) -> ChosenFigure:
    """The figure that is chosen, or else the first of its tool that counts a unit, with the same options.

    Raises:
        SpecError: the tool prints none.
    """
    if choice.figure.unit == unit:
        return choice
    figure = next((figure for figure in choice.counter.figures.values() if figure.unit == unit), None)
    if figure is None:
        from convcalc.counters import reading

        raise reading.no_figure(choice.counter, unit)
    return ChosenFigure(choice.counter, figure, choice.options)


def choices(counter: Counter) -> list[ChosenFigure]:
    """Every figure of a counter, with its options as they are by default."""
    usual = {name: values[0] for name, values in counter.options.items()}
    return [ChosenFigure(counter, figure, usual) for figure in counter.figures.values()]
