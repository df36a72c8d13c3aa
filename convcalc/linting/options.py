"""What one run of the linter is asked for, beside what is configured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from convcalc import rules
from convcalc.analysis.terms import HowRun
from convcalc.arithmetic.precision import precision
from convcalc.fields import LARGEST, shown
from convcalc.language.quantities import AMOUNTS, amount
from convcalc.language.suggestions import did_you_mean
from convcalc.language.tree import number
from convcalc.layers import Shape
from convcalc.linting.configuration import LEVELS
from convcalc.linting.deploying import device_named, how_run
from convcalc.opening import How
from convcalc.rules._subject import Growth


class UsageError(ValueError):
    """An option that means nothing; the message says what was expected."""


class Options(msgspec.Struct, frozen=True):
    """`select` stands in for all that is configured of which rules run, but for what is ignored in single files.

    What is None is as configured. `config` is the file that counts for all specs. `base` is a revision of git or a
    spec, and `growth` how much an amount may be larger than there. `strict` refuses models with unknown operators,
    `scale` is one of several networks in a model file, and `blocks` a spec that defines modules which one names.
    """

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    device: str | None = None
    dtype: str | None = None
    fused: bool | None = None
    batch: int | None = None
    object_size: int | None = None
    fail_level: str | None = None
    config: str | None = None
    baseline: str | None = None
    base: str | None = None
    growth: dict[str, Growth] = {}
    inputs: Mapping[str, Shape] | None = None
    variables: Mapping[str, object] | None = None
    strict: bool = False
    scale: str = ""
    blocks: str = ""

    @property
    def how(self) -> How:
        """How model files are read."""
        return {"strict": self.strict, "scale": self.scale, "blocks": self.blocks}

    @property
    def deployed(self) -> HowRun:
        """How networks are deployed, as far as it is said; that goes before what a spec says."""
        return how_run(device=self.device, dtype=self.dtype, fused=self.fused, batch=self.batch)

    def check(self) -> None:
        """Refuse words that mean nothing.

        Raises:
            UsageError: there is no such rule, device, format or level.
        """
        for word in (*(self.select or ()), *self.ignore):
            if not rules.chosen(word):
                raise UsageError(f"there is no rule `{word}`; {rules.did_you_mean(word)}")
        self._check_deployed()
        if self.fail_level is not None:
            _one_of("fail-level", self.fail_level, LEVELS)
        if self.object_size is not None and not 1 <= self.object_size <= LARGEST:
            expected = f"expected a whole number of pixels from 1 to {LARGEST}"
            raise UsageError(f"object-size: {expected}, found {shown(self.object_size)}")
        if bool(self.growth) != (self.base is not None):
            raise UsageError("--base says against what, --max-regression by how much; one needs the other")

    def _check_deployed(self) -> None:
        """That the device and the formats are some that there are."""
        if self.dtype is not None:
            try:
                precision(self.dtype)
            except ValueError as error:
                raise UsageError(f"dtype: {error}") from None
        if self.batch is not None and not 1 <= self.batch <= LARGEST:
            raise UsageError(f"batch: expected a whole number from 1 to {LARGEST}, found {shown(self.batch)}")
        if self.device:
            _, problem, advice = device_named(self.device)
            if problem:
                raise UsageError(f"device: {problem}{advice and f'; {advice}'}")


def _one_of(what: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        message = f"{what}: expected one of {', '.join(known)}; found {word}. {did_you_mean(word, known)}"
        raise UsageError(message.strip())


def growths(texts: Iterable[str]) -> dict[str, Growth]:
    """`macs=5%` or `params=10K`, by amount.

    Raises:
        UsageError: there is no such amount, or it is neither a percentage nor a whole number.
    """
    allowed = {}
    for text in texts:
        name, _, most = text.partition("=")
        if name not in AMOUNTS:
            advice = did_you_mean(name, AMOUNTS) or f"amounts are {', '.join(AMOUNTS)}"
            raise UsageError(f"max-regression: there is no amount `{name}`; {advice}")
        percent = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?%", most)
        try:
            value = number(percent[1]) if percent else amount(int(most) if most.isdecimal() else most)
        except ValueError:
            expected = "expected a percentage or an amount, as macs=5% or params=10K"
            raise UsageError(f"max-regression: {expected}; found {text!r}") from None
        if percent:
            from fractions import Fraction

            value = Fraction(value, 100)
        allowed[name] = Growth(value, relative=percent is not None, text=most)
    return allowed
