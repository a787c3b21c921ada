"""A help desk without an API: exports appear in a folder, diagnoses are written beside them.

``FAULTWISE_KEY=… python examples/watch_folder.py EXPORTS`` looks every ten seconds for CSV files in the import format,
sends their rows in batches, and writes ``NAME.diagnoses.jsonl``. A file that has its diagnoses is not sent again.
"""

import argparse
import csv
import json
import os
import sys
import time
from pathlib import Path

import httpx

BATCH = 1000  # the most that one call takes


def diagnose_file(client: httpx.Client, export: Path) -> int:
    """Send the rows of one export and write a line for each; return how many there were."""
    with export.open(encoding="utf-8-sig", newline="") as lines:
        rows = [{name: value for name, value in row.items() if name and value} for row in csv.DictReader(lines)]
    results = []
    for start in range(0, len(rows), BATCH):
        answer = client.post("/v1/diagnoses/batch", json={"incidents": rows[start : start + BATCH]})
        answer.raise_for_status()
        results += answer.json()["results"]
    partial = export.with_suffix(".partial")  # nobody reads half a file
    partial.write_text("".join(json.dumps(result, ensure_ascii=False) + "\n" for result in results), encoding="utf-8")
    partial.rename(export.with_suffix(".diagnoses.jsonl"))
    return len(results)


def main() -> int:
    """Watch the folder until interrupted, or look once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--once", action="store_true", help="look once and end")
    options = parser.parse_args()
    url, key = os.environ.get("FAULTWISE_URL", "http://127.0.0.1:8000"), os.environ["FAULTWISE_KEY"]
    with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=120) as client:
        while True:
            for export in sorted(options.folder.glob("*.csv")):
                if not export.with_suffix(".diagnoses.jsonl").exists():
                    print(f"{export.name}: {diagnose_file(client, export)} incidents")
            if options.once:
                return 0
            time.sleep(10)


if __name__ == "__main__":
    sys.exit(main())
