"""A computation in a process of its own: its result, its error, its end when it is stopped or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.processes import InterruptedComputationError, in_own_process
from tests.waiting import soon


def process_and_niceness(added: int) -> tuple[int, int]:
    return os.getpid(), os.nice(0) + added


def refuse() -> None:
    raise InputError(Phrase("recurrence_needs_signature", {"fields": ("cmdb_ci",)}))


def announce_and_wait(file: Path) -> None:
    file.write_text(str(os.getpid()))
    time.sleep(600)


def is_running(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def pid_in(file: Path) -> int:
    assert soon(lambda: file.exists() and file.read_text() != "", seconds=60)
    return int(file.read_text())


def test_the_result_comes_from_another_process_of_lower_priority() -> None:
    process, niceness = in_own_process(process_and_niceness, 0)
    assert process != os.getpid()
    assert niceness > os.nice(0) or os.nice(0) == 19
    assert in_own_process(process_and_niceness, 0, niceness=0)[1] == os.nice(0), "where a person waits"


def test_an_error_is_raised_here_with_its_code() -> None:
    with pytest.raises(InputError) as caught:
        in_own_process(refuse)
    assert caught.value.phrase is not None
    assert caught.value.phrase.code == "recurrence_needs_signature"


def test_stopping_ends_the_process(tmp_path: Path) -> None:
    file, stopping = tmp_path / "pid", threading.Event()
    threading.Thread(target=lambda: (pid_in(file), stopping.set())).start()
    with pytest.raises(InterruptedComputationError, match="was stopped"):
        in_own_process(announce_and_wait, file, is_stopping=stopping.is_set)
    assert soon(lambda: not is_running(pid_in(file)))


def test_a_process_that_is_killed_is_an_error_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    threading.Thread(target=lambda: os.kill(pid_in(file), signal.SIGKILL)).start()
    with pytest.raises(InterruptedComputationError, match="exit code -9"):
        in_own_process(announce_and_wait, file)


def test_it_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    program = (
        "from pathlib import Path\n"
        "from diagnosis.processes import in_own_process\n"
        "from tests.diagnosis.test_processes import announce_and_wait\n"
        f"in_own_process(announce_and_wait, Path({str(file)!r}))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    child = pid_in(file)
    parent.kill()
    parent.wait()
    assert soon(lambda: not is_running(child), seconds=20)
