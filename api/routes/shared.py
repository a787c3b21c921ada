"""What the routes have in common: the service behind them, problems in OpenAPI, rows that are read one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from api.errors import kind_of, pointers
from api.schemas.incidents import RowError
from api.service import Service
from diagnosis.errors import FaultwiseError, InputError

LARGEST_BATCH = 1000

Row = TypeVar("Row", bound=BaseModel)


def service_of(request: Request) -> Service:
    """Return the service that the app was built with."""
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(service_of)]


class Problem(BaseModel):
    """What went wrong, after RFC 9457."""

    type: str = Field(description="What sort of problem", examples=["urn:faultwise:problem:invalid"])
    title: str = Field(description="The sort, in words", examples=["The input cannot be used"])
    status: int = Field(description="HTTP status", examples=[422])
    detail: str = Field(description="What was expected and found", examples=["1 of the values sent cannot be used"])
    instance: str = Field(description="The request", examples=["urn:faultwise:request:01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    errors: list[dict[str, str]] = Field(
        default_factory=list,
        description="JSON pointers into the body",
        examples=[[{"pointer": "/number", "detail": "Field required"}]],
    )


_WORDS = {
    400: "The request cannot be read",
    401: "A valid key is needed",
    403: "The key does not allow this",
    404: "There is no such thing",
    408: "The body did not arrive in time",
    409: "Another change or request stands in the way",
    413: "The body is too large",
    422: "The input cannot be used",
    429: "Too many requests",
    503: "The service cannot answer now; try again",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of the problems that a route may answer with, besides those that all may."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    every = {400, 401, 403, 408, 413, 422, 429, 503, *statuses}
    return {status: {"description": _WORDS[status], "content": content} for status in sorted(every)}


def read_rows(model: type[Row], rows: Sequence[Any], prefix: Sequence[str] = ()) -> list[Row | RowError]:
    """Return each row as the model reads it, or why it cannot be read."""
    if not 1 <= len(rows) <= LARGEST_BATCH:
        raise InputError(f"expected 1 to {LARGEST_BATCH} rows; found {len(rows)}")
    return [_read(model, row, [*prefix, str(index)]) for index, row in enumerate(rows)]


def _read(model: type[Row], row: Any, prefix: Sequence[str]) -> Row | RowError:  # noqa: ANN401 - any JSON value
    try:
        return model.model_validate(row)
    except ValidationError as error:
        found = error.errors()
        detail = f"{len(found)} of the values sent cannot be used"
        return RowError(status=422, detail=detail, errors=pointers(found, prefix))
    except FaultwiseError as error:
        return row_error(error)


def read_one(model: type[Row], body: Any) -> Row:  # noqa: ANN401 - any JSON value
    """Return the one record of a body as the model reads it.

    Raises
    ------
    RequestValidationError
        As FastAPI raises it, if it cannot be read.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from error


def row_error(error: FaultwiseError) -> RowError:
    """Return why a row was not done."""
    return RowError(status=kind_of(error).status, detail=str(error), errors=[])
