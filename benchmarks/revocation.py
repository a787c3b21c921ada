"""How soon a certificate is revoked that live answers contradict, and how often one is that holds."""

from __future__ import annotations

import argparse
import math

import numpy as np

from diagnosis.monitoring.contradiction import log_capital

RISK = 0.05
SHARES = {0.05: (0.05, 0.08, 0.10, 0.15, 0.25, 0.40), 0.20: (0.20, 0.30, 0.40, 0.50, 0.70)}


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--answers", type=int, default=5000, help="answers of a release's life")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    print(f"| promised errors at most | true share | revoked within {args.answers:,} | after: median | 90 % |")
    print("|---:|---:|---:|---:|---:|")
    for allowed, shares in SHARES.items():
        for share in shares:
            waits = [_wait(rng.random(args.answers) < share, allowed) for _ in range(args.runs)]
            seen = [wait for wait in waits if wait is not None]
            told = (f"{np.median(seen):,.0f}", f"{np.quantile(seen, 0.9):,.0f}") if share > allowed else ("", "")
            print(f"| {allowed:.0%} | {share:.0%} | {len(seen) / args.runs:.1%} | {told[0]} | {told[1]} |")


def _wait(wrong: np.ndarray, allowed: float) -> int | None:
    logs = log_capital(np.arange(1, len(wrong) + 1), np.cumsum(wrong), allowed)
    alarms = np.flatnonzero(logs >= -math.log(RISK))
    return int(alarms[0]) + 1 if len(alarms) else None


if __name__ == "__main__":
    main()
