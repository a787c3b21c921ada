"""A million rows are read within bounds of memory: a chunk is held at a time, and the numbers that were seen."""

import json
import subprocess
import sys
import textwrap

import pytest

ROWS = 1_000_000
pytestmark = pytest.mark.system

_READ = textwrap.dedent(
    """
    import resource, sys
    from training.records import read_incidents
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stream = read_incidents(sys.argv[1])
    rows = sum(len(chunk) for chunk in stream)
    print(rows, stream.counts.rejected, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
)


def _row(place: int) -> dict[str, str]:
    return {
        "number": f"INC{place:09d}",
        "short_description": f"printer {place % 9973} jams at desk {place % 811}",
        "opened_at": "2026-01-31 08:15:00",
        "category": f"category {place % 31}",
        "assignment_group": f"group {place % 17}",
    }


def _write_csv(stream) -> None:
    stream.write(",".join(_row(0)) + "\n")
    stream.writelines(",".join(_row(place).values()) + "\n" for place in range(ROWS))


def _write_json(stream) -> None:
    stream.write('{"result":[')
    stream.writelines(("," if place else "") + json.dumps(_row(place)) for place in range(ROWS))
    stream.write("]}")


@pytest.mark.parametrize(("name", "write"), [("a.csv", _write_csv), ("a.json", _write_json)])
def test_a_million_rows_within_bounds_of_memory(tmp_path, name, write):
    path = tmp_path / name
    with path.open("w", encoding="utf-8") as stream:
        write(stream)
    result = subprocess.run([sys.executable, "-c", _READ, path], capture_output=True, text=True, check=True)
    rows, rejected, megabytes = map(int, result.stdout.split())
    assert (rows, rejected) == (ROWS, 0)
    assert megabytes < 500, "the file is over 70 MB, and its frame would be over 700"
