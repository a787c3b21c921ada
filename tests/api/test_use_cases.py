"""Use cases are whole: what parses requests calls the service and never reaches through it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# These make the object graph.
GRAPH = {"api/app.py", "api/service.py", "api/systems.py"}
# Store, release and instruments behind the service, by any name that a service goes by.
REACH = re.compile(r"\b_?service(?:\(\))?\.(?:store|serving|metrics|events|_\w+)\b")
# Files that still reach through; only to be shortened.
LEFT = {"api/integrations/intake.py", "api/integrations/routes.py", "api/webhooks/routes.py"}


def test_nothing_reaches_through_the_service_into_the_store_the_release_or_the_metrics() -> None:
    reaching = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "api").rglob("*.py")
        if REACH.search(path.read_text(encoding="utf-8"))
    }
    assert reaching - GRAPH <= LEFT
    assert reaching >= LEFT, f"take out of LEFT: {sorted(LEFT - reaching)}"


def test_every_resource_has_the_same_files() -> None:
    resources = {path.parent for path in (ROOT / "api").glob("*/service.py")} - {ROOT / "api" / "sessions"}
    for resource in resources:
        names = {path.name for path in resource.glob("*.py")}
        assert {"__init__.py", "routes.py", "schemas.py", "service.py"} <= names, resource.name
