"""The notebooks of the manual: their cells run, by themselves and, with CONVCALC_EXAMPLES, in Jupyter."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import MANY

from convcalc.presenting import Presented

DOCS = Path(__file__).parent.parent / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path) -> list[dict[str, Any]]:
    notebook: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return list(notebook["cells"])


def code(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code"]


def shown(text: str, names: dict[str, Any]) -> Any:
    """Run a cell; what its last line is, where that is an expression."""
    tree = ast.parse(text)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        tree.body.pop()
    exec(compile(tree, "cell", "exec"), names)  # noqa: S102  # ours
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307  # ours


@each_notebook
def test_the_cells_run_one_after_the_other(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    names: dict[str, Any] = {}
    results = [shown(text, names) for text in code(path)]
    records = [result for result in results if isinstance(result, Presented)]
    assert len(records) >= len(results) - 1
    assert all("<table" in record._repr_html_() for record in records)
    assert "layers[2].linear.out_feature: linear has no field `out_feature`" in capsys.readouterr().out


@each_notebook
def test_what_is_kept_of_a_notebook_is_its_text(path: Path) -> None:
    for cell in cells(path):
        assert cell["metadata"] == {}
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)
        assert max(len(line.rstrip("\n")) for line in cell["source"]) <= 120
    notebook = json.loads(path.read_text("utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    page = (DOCS / "python.md").read_text("utf-8")
    assert f"(notebooks/{path.name})" in page


@pytest.mark.skipif(not MANY, reason="starts Jupyter; CONVCALC_EXAMPLES is not set")
@each_notebook
def test_the_notebook_runs_in_jupyter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel of this Python; every cell that shows a record shows a table."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": DOCS}}
    )
    client.execute()
    outputs = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(outputs)
    assert not any(output["output_type"] == "error" for of_cell in outputs for output in of_cell)
    pages = [output["data"] for of_cell in outputs for output in of_cell if output["output_type"] == "execute_result"]
    assert all("<table" in data["text/html"] for data in pages)
    assert all(len(data["text/plain"]) < 1_000 for data in pages)
