"""The OpenAPI description is true: what it promises is answered, and nothing that it allows makes the service fail."""

import warnings

from hypothesis import HealthCheck, Phase, given, settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from api.app import create_app
from api.settings import Settings
from tests.serving import Serving

# These move the pointer, or belong to the operator: they are tried on a service of their own.
APART = "^/health|^/metrics|/publish$|/rollback$"


def test_nothing_that_the_description_allows_is_a_failure(client, models, tmp_path) -> None:
    operations = [one.ok() for one in _described(models, tmp_path).exclude(path_regex=APART).get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        _try(operation, client)


def test_nor_is_anything_that_changes_the_release_in_service(own_models, tmp_path) -> None:
    operations = [one.ok() for one in _described(own_models, tmp_path).include(path_regex=APART).get_all_operations()]
    assert len(operations) >= 4
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=own_models)) as client:
        for operation in operations:
            _try(operation, client)


def _described(models, folder):
    # Reading the description starts and stops the app that it is read from: not one that is asked.
    twin = create_app(Settings(database=f"sqlite:///{folder / 'twin.db'}", models=models))
    return schemathesis.openapi.from_asgi("/openapi.json", twin)


def _try(operation, client) -> None:
    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case) -> None:
        answer = case.call(session=client, headers={"Authorization": client.headers["Authorization"]})
        case.validate_response(
            answer, checks=[not_a_server_error, status_code_conformance, response_schema_conformance]
        )

    check()


def test_every_operation_is_described_with_examples(client) -> None:
    described = client.get("/openapi.json").json()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            if path.startswith("/v1"):
                assert {"401", "429"} <= operation["responses"].keys(), (method, path)
    for name, model in described["components"]["schemas"].items():
        if name.endswith(("Out", "In")):
            for field, one in model["properties"].items():
                assert "description" in one, f"{name}.{field}"
        if name.endswith("Out"):
            assert set(model.get("required", ())) == set(model["properties"]), f"{name}: output has no defaults"
