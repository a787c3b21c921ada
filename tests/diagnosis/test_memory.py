"""Memory that was freed is kept for a search, or given back, where the C library can be told so."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from diagnosis.memory import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        arrays = [np.full(500_000, 1.0), np.full(500_000, 2.0), np.full(500_000, 3.0)]
        del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
assert keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told what to keep")
def test_arrays_of_megabytes_are_made_again_without_a_page_fault():
    """In a process of its own, because what it is told is for the whole of it."""
    told = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 200  # one pass alone touches 3,000 pages


FREED = """
import threading
from pathlib import Path
import numpy as np
import pyarrow as pa
from diagnosis.memory import give_freed_memory_back
def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))
def fill():
    arrays = [np.ones(1_000) for _ in range(8_000)]
    texts = [pa.array(["x" * 1_000] * 20) for _ in range(500)]
    kept.append((arrays[::100], texts[::100]))
kept, before = [], anonymous()
for _ in range(4):
    thread = threading.Thread(target=fill)
    thread.start()
    thread.join()
freed = anonymous()
assert give_freed_memory_back()
print(freed - before, anonymous() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told what to give back")
def test_what_threads_have_freed_between_what_they_keep_is_given_back():
    told = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    freed, given_back = map(float, told.stdout.split())
    assert freed > 40, "without being told, the process keeps it"
    assert given_back < freed / 2
