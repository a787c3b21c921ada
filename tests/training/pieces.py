"""A piece of work for other processes, in a module that they load quickly."""

import os

import numpy as np


def whereabouts(seed: int) -> tuple[float, int]:
    """Return a figure that the last bits of a sum would change, and the process that reckoned it."""
    return float(np.linalg.svd(np.random.default_rng(seed).normal(size=(60, 60)))[1].sum()), os.getpid()
