"""The service's image: what its recipe takes away is never loaded, and its parts fit together."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "Containerfile").read_text()

SERVE_WITHOUT = """
import sys
from pathlib import Path

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Absent())

from api.settings import Settings
from tests.serving import Serving

settings = Settings(database="sqlite:///" + sys.argv[2], models=Path(sys.argv[1]))
with Serving(settings) as client:
    said = client.post("/v1/diagnoses", json={"number": "C1", "short_description": "VPN 断线"})
    assert said.status_code == 200, said.text
    assert said.json()["predictions"] and said.json()["similar_incidents"]
    for path in PATHS:
        answer = client.get(path)
        assert answer.status_code < 500, (path, answer.text[:2000])  # some ask for one of two things
"""
# Every route that reads and needs no name in its address.
LOOK_UP = """
from api.app import create_app
from api.settings import Settings
print("\\n".join(sorted(
    path for path, methods in create_app(Settings()).openapi()["paths"].items()
    if "get" in methods and "{" not in path and not any(p.get("required") for p in methods["get"].get("parameters", []))
)))
"""


def taken_away() -> set[str]:
    """Return the modules of the packages that the recipe uninstalls."""
    [names] = re.findall(r"pip uninstall --yes ([a-z \\\n-]+)", RECIPE)
    packages = set(names.replace("\\", "").split())
    return {module for module, owners in packages_distributions().items() if packages & {o.lower() for o in owners}}


def test_a_service_answers_without_what_the_image_lacks(models: Path, tmp_path: Path) -> None:
    absent = taken_away()
    assert {"torch", "transformers", "sentence_transformers"} <= absent
    listed = subprocess.run([sys.executable, "-c", LOOK_UP], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [path for path in listed.stdout.split() if path.startswith("/v1/")]
    assert "/v1/releases" in paths
    program = f"ABSENT = {absent!r}\nPATHS = {paths!r}\n{SERVE_WITHOUT}"
    command = [sys.executable, "-c", program, str(models), str(tmp_path / "x.db")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_trainer_has_the_client_of_the_server_beside_it_and_a_place_for_backups() -> None:
    compose = (ROOT / "compose.yaml").read_text()
    [server] = re.findall(r"image: postgres:(\d+)", compose)
    trainer = RECIPE[RECIPE.index("AS trainer") : RECIPE.index("AS service")]
    assert f"postgresql-client-{server}" in trainer
    assert trainer.rindex("USER faultwise") > trainer.rindex("USER root")  # it does not work as root
    assert "./backup:/backup" in compose[compose.index("  trainer:") :]


def test_every_file_that_the_recipe_copies_is_there() -> None:
    sources = [name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", RECIPE, re.M) for name in line.split()]
    assert len(sources) >= 5
    assert [name for name in sources if not (ROOT / name).exists()] == []


def test_compose_builds_stages_that_the_recipe_has() -> None:
    stages = set(re.findall(r"^FROM .+ AS (\w+)$", RECIPE, re.M))
    targets = set(re.findall(r"target: (\w+)", (ROOT / "compose.yaml").read_text()))
    assert targets == {"service", "trainer"}
    assert targets <= stages
