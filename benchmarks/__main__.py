"""Run the comparisons, one after another: ``python -m benchmarks [name ...]``; without a name, all of them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.data import VARIABLE

_SHARED = ("data", "large_release", "recombined", "routing_peers", "search_tasks", "serving", "surge_histories")
NOT_A_BENCHMARK = ("__init__", "__main__", *_SHARED)


def main() -> int:
    """Run what was asked for, each in a process of its own; one that fails does not stop the others."""
    names = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in NOT_A_BENCHMARK)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(names)}")
    parser.add_argument(
        "--data", metavar="FOLDER", type=Path, help="folder of the real histories, one folder a data set"
    )
    options = parser.parse_args()
    chosen = options.names or names
    environment = os.environ | ({VARIABLE: str(options.data.resolve())} if options.data else {})
    unknown = [name for name in chosen if name not in names]
    if unknown:
        parser.error(f"expected some of {', '.join(names)}; found {', '.join(unknown)}")
    failed = []
    for name in chosen:
        began = time.monotonic()
        print(f"\n## {name}\n", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if subprocess.run(command, env=environment, check=False).returncode:
            failed.append(name)
        print(f"\n({name}: {time.monotonic() - began:.0f} s)", flush=True)
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
