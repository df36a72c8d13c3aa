"""`convcalc help`: the pages of the manual."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from convcalc.cli import completion
from convcalc.cli.output import show


def help(  # noqa: A001  # the command's name
    topic: Annotated[
        str | None, typer.Argument(help="A page of the manual.", show_default=False, autocompletion=completion.topics)
    ] = None,
) -> None:
    """The manual: without a topic, the list of its pages.

    On a terminal a page is laid out; piped, it is the Markdown that it is written in.
    """
    from convcalc import pages
    from convcalc.views import help as view
    from convcalc.views.manual.shared import Contents
    from convcalc.views.output import Output

    out = Output(sys.stdout)
    if topic is None:
        show("manual", "text", Contents({"": list(pages.topics().items())}))
    elif topic not in pages.topics():
        raise typer.BadParameter(_advice(topic), param_hint="TOPIC")
    elif sys.stdout.isatty():
        view.show(out.console, pages.file_of(topic).read_text("utf-8"))
    else:
        out.data([pages.file_of(topic).read_bytes()])


def _advice(topic: str) -> str:
    from convcalc import pages
    from convcalc.cli import COMMANDS
    from convcalc.cli.options import readable
    from convcalc.language.suggestions import did_you_mean, listed

    if topic in COMMANDS:
        return f"the manual has no page `{topic}`; `convcalc {topic} --help` lists the options of the command"
    meant = did_you_mean(topic, pages.topics()) or f"it has {listed(pages.topics())}"
    return f"the manual has no page `{readable(topic)}`; {meant}"
