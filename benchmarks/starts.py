"""What a start takes beside stored incidents: none, joined anew, and from a copy that holds them already.

    python -m benchmarks.starts --models MODELS --incidents 20000

Incidents are of the texts that `benchmarks.large_release` recombines, so that hardly two are alike. The release is
copied, so that no copy of it lies in ``--models`` afterwards.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

from api.joined_copies import JoinedCopies
from benchmarks.large_release import incidents
from benchmarks.recombined import clauses_by_topic
from benchmarks.serving import memory, service
from diagnosis.releases import Releases
from diagnosis.store import Store

_FIELDS = ["number", "short_description", "description", "caller", "cmdb_ci", "category"]
_PAGE = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="folder of releases, one of them published")
    parser.add_argument("--incidents", type=int, default=20_000, help="how many are stored (default: 20000)")
    parser.add_argument("--starts", type=int, default=3, help="starts of each kind (default: 3)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faultwise-bench-") as name:
        folder = Path(name)
        releases = Releases(folder / "models")
        shutil.copytree(args.models, releases.folder, ignore=shutil.ignore_patterns(".*"))
        release, database = releases.published(), f"sqlite:///{folder / 'faultwise.db'}"
        if release is None:
            raise SystemExit(f"expected a published release in {args.models}; found none")
        store = Store.open(database)
        print("| start | ready after s | processor s | memory, of its own, MB |\n|---|---|---|---|")
        _measure("nothing stored", releases, database, args.starts)
        _fill(store, args.incidents)
        _measure(f"{args.incidents:,} stored, joined anew", releases, database, args.starts)
        began = time.perf_counter()
        JoinedCopies(store, releases).renew(release)
        made = time.perf_counter() - began
        store.close()
        _measure(f"{args.incidents:,} stored, from a copy", releases, database, args.starts)
        size = sum(path.stat().st_size for path in releases.copies.rglob("*") if path.is_file())
        print(f"\nThe copy was made in {made:.1f} s by a process of its own and takes {size / 1e6:.0f} MB.")


def _measure(name: str, releases: Releases, database: str, starts: int) -> None:
    seconds, processor, own = [], [], []
    for _ in range(starts):
        before = _ended()
        with service(releases.folder, database) as (_, _, ready, pid):
            seconds.append(f"{ready:.1f}")
            own.append(f"{memory(pid, 'RssAnon'):.0f}")
        processor.append(f"{_ended() - before:.1f}")
    print(f"| {name} | {'; '.join(seconds)} | {'; '.join(processor)} | {'; '.join(own)} |")


def _ended() -> float:
    """Return the processor time of all processes of this one that have ended, s."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _fill(store: Store, count: int) -> None:
    frame = incidents(count, clauses_by_topic(), seed=11)[_FIELDS].assign(opened_at="2026-11-01T09:00:00Z")
    rows = [{str(name): str(value) for name, value in row.items()} for row in frame.to_dict("records")]
    for start in range(0, count, _PAGE):
        store.incidents.put(
            {
                f"STORED{row['number']}": row | {"number": f"STORED{row['number']}"}
                for row in rows[start : start + _PAGE]
            }
        )


if __name__ == "__main__":
    main()
