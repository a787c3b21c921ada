"""What a start of the service needs, and what it does not."""

import subprocess
import sys
from pathlib import Path


def test_a_start_imports_nothing_that_only_training_and_judging_need() -> None:
    unneeded = (
        "torch",
        "sentence_transformers",
        "sklearn",
        "scipy.stats",
        "scipy.optimize",
        "alembic",
        "mcp",
        "openpyxl",
    )
    code = (
        "import sys, api.serve, diagnosis.diagnoser; from api.app import create_app;"
        f"found = [name for name in {unneeded!r} if name in sys.modules]; assert not found, found;"
        # Nor do help and refused input wait seconds for torch.
        "import training.train, training.tune; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
