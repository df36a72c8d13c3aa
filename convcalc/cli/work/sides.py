"""What commands put side by side: a network and its variants, or specs against the first of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import typer
from msgspec.structs import replace

from convcalc.cli.output import ExitCode, fail
from convcalc.cli.work.given import repeated
from convcalc.language.named import readable

if TYPE_CHECKING:
    from convcalc.analysis.sides import Load, Sides
    from convcalc.analysis.terms import HowRun


class SideRequest(msgspec.Struct, frozen=True):
    """Which networks stand beside the first.

    `variant` is what is put in place of its convolutions, of those that `layers` name and `excluded` do not, which are
    globs; None: the other files. `blocks` is a spec whose blocks may be variants too. `is_resized`: inputs may differ
    in size.
    """

    files: Sequence[str]
    variant: str | None = None
    layers: Sequence[str] = ()
    excluded: Sequence[str] = ()
    blocks: str | None = None
    is_resized: bool = False

    @property
    def are_several(self) -> bool:
        """Whether there is anything to stand beside the first."""
        return self.variant is not None or len(self.files) > 1

    def options(self) -> list[str]:
        """The words of a command line that ask for the same, beside the files and the `blocks` of a model file."""
        words = [] if self.variant is None else ["--variant", self.variant]
        words += repeated("--layer", self.layers)
        words += repeated("--except", self.excluded)
        words += ["--blocks", self.blocks] if self.blocks and self.variant is not None else []
        return [*words, *["--allow-input-change"] * self.is_resized]


def sides_of(asked: SideRequest, opened: Load, how: HowRun) -> Sides:
    """The networks side by side, worked out within `mistakes_named`.

    Raises:
        SpecError: a spec or the blocks have mistakes.
    """
    from convcalc.analysis.sides import of_specs
    from convcalc.analysis.variants import variants
    from convcalc.opening import read

    if asked.variant is None:
        return of_specs(asked.files, opened, **how, allow_input_change=asked.is_resized)
    network = opened(asked.files[0])
    more = read(asked.blocks) if asked.blocks else None
    sides = variants(network, asked.variant, layers=asked.layers, excluded=asked.excluded, blocks=more, **how)
    _check_that_one_applies(sides)
    return replace(sides, path=readable(asked.files[0]))


def _check_that_one_applies(sides: Sides) -> None:
    """Alone, a variant that cannot be had is bad input; among others it is a row."""
    if len(sides.candidates) == 1 and sides.candidates[0].report is None:
        fail(f"{sides.candidates[0].label} cannot apply: {sides.candidates[0].reason}")


@contextmanager
def mistakes_named(layers: Sequence[str]) -> Iterator[None]:
    """End the command where networks cannot be put side by side, with the option that says so; `layers`: --layer."""
    from convcalc.analysis.compare import Incomparable, UnlikeTerms
    from convcalc.analysis.revisions import ON_ONE_TERMS
    from convcalc.analysis.variants import NothingToReplace
    from convcalc.language.rewrite import UnknownLayer
    from convcalc.language.variants import VariantError

    try:
        yield
    except VariantError as error:
        raise typer.BadParameter(str(error), param_hint="--variant") from None
    except UnknownLayer as error:
        raise typer.BadParameter(str(error), param_hint="--layer" if error.name in layers else "--except") from None
    except UnlikeTerms as error:
        fail(f"{error}; {ON_ONE_TERMS}")
    except Incomparable as error:
        fail(f"{error}; --allow-input-change compares them all the same")
    except NothingToReplace as error:
        fail(str(error), code=ExitCode.FINDINGS)


def refuse_mixed(problems: dict[str, bool]) -> None:
    """End the command with the first sentence that holds of its options."""
    for problem, is_so in problems.items():
        if is_so:
            raise typer.BadParameter(problem)
