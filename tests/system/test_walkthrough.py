"""The notebook of the documentation runs as it stands, without a network, and is kept without outputs."""

from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "walkthrough.ipynb"
pytestmark = pytest.mark.system


def test_the_notebook_runs() -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(PAGE, as_version=4)
    for cell in notebook.cells:
        assert not cell.get("outputs"), "outputs would rot: clear them before the notebook is committed"
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(PAGE.parent)}}
    ).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in shown if output.output_type == "error"]
    printed = "".join(output.text for output in shown if output.output_type == "stream" and output.name == "stdout")
    for words in (
        "used here",
        "assignment_group: ",
        "base rate",
        "promised 80%",
        "that neither had seen",
        "latency",
        "is in service; before it",
    ):
        assert words in printed
    assert "nan%" not in printed
    assert "refused" not in printed
    tables = "".join(output.get("data", {}).get("text/html", "") for output in shown)
    assert "NaN" not in tables, "what a reader is shown first has no gaps"
