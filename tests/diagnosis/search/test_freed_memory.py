"""Memory that a search has freed is kept, where the C library can be told so."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from diagnosis.search.retriever import keep_freed_memory
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
