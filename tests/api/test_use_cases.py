"""Use cases are whole: what parses requests calls the service and never reaches through it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# These make the object graph.
GRAPH = {"api/app.py", "api/composition.py", "api/service.py", "api/systems.py"}
# Store, release and instruments behind the service, by any name that a service goes by.
REACH = re.compile(r"\b_?service(?:\(\))?\.(?:store|serving|metrics|events|_\w+)\b")


def test_nothing_reaches_through_the_service_into_the_store_the_release_or_the_metrics() -> None:
    reaching = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "api").rglob("*.py")
        if REACH.search(path.read_text(encoding="utf-8"))
    }
    assert reaching <= GRAPH


def test_every_resource_has_the_same_files() -> None:
    # Sessions and self-service have no route of their own but pages of the console; each dialect of the integrations
    # has its schemas beside its translation.
    without = {ROOT / "api" / name for name in ("sessions", "self_service", "integrations")}
    resources = {path.parent for path in (ROOT / "api").glob("*/service.py")} - without
    for resource in resources:
        names = {path.name for path in resource.glob("*.py")}
        assert {"__init__.py", "routes.py", "schemas.py", "service.py"} <= names, resource.name
