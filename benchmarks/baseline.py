"""The least a command of this kind can cost: Typer, yaml and msgspec imported, one table or ``{}`` printed."""

import sys

import typer

app = typer.Typer()


@app.command()
def table() -> None:
    """Print a table of twenty rows."""
    import msgspec  # noqa: F401  # its import is what is measured
    import yaml  # noqa: F401  # its import is what is measured
    from rich.console import Console
    from rich.table import Table

    result = Table(box=None)
    for column in ("layer", "kind", "output", "params", "MACs", "share", "field"):
        result.add_column(column)
    for row in range(20):
        result.add_row(f"layer{row}", "conv 3x3", "64x112x112", "9,408", "118.0 M", "2.9 %", "7")
    Console().print(result)


@app.command()
def empty() -> None:
    """Print an empty JSON object."""
    import msgspec  # noqa: F401  # its import is what is measured
    import yaml  # noqa: F401  # its import is what is measured

    sys.stdout.write("{}\n")


app()
