"""One program at a time, and a killed one blocks nobody."""

import subprocess
import sys
from pathlib import Path

import pytest

from diagnosis.locks import LockedError, locked

HOLD = """
import sys, time
from pathlib import Path
from diagnosis.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_program_is_kept_out_until_the_holder_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / ".lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(LockedError, match="held by another program"), locked(path):
            pass
        holder.kill()
    with locked(path, seconds=5):
        pass


def test_the_lock_is_given_back_whatever_happens_inside(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "lock"):
        _ = 1 / 0
    with locked(tmp_path / "lock"):
        pass
