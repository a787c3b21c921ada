"""Diagnose one incident with the published release of a folder: ``python examples/diagnose.py models``."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from diagnosis import Diagnoser, Incident
from diagnosis.releases import find_release

models = Path(sys.argv[1] if len(sys.argv) > 1 else "models")
diagnoser = Diagnoser.load(find_release(models))
incident = Incident(
    "INC0099001",
    opened_at=datetime.now(UTC),
    short_description="VPN 连不上，错误 809",
    description="在家办公，早上开始一直连不上公司 VPN",
    service="Remote Access",
    cmdb_ci="vpn-gw-2",
)
diagnosis = diagnoser.diagnose(incident)

for target, prediction in diagnosis.predictions.items():
    print(f"{target}: {prediction.value} ({prediction.decision})")
if diagnosis.recurrence is not None:
    for horizon in diagnosis.recurrence.horizons:
        print(f"comes back within {horizon.days} days: {horizon.probability:.0%}")
for suggestion in diagnosis.suggestions[:2]:
    print(f"{suggestion.number}: {suggestion.resolution.splitlines()[0]}")
