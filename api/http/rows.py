"""The rows of a body, read one by one, so that one that cannot be read does not take the others with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from api.errors import detail_of, kind_of, pointers
from api.http.fields import Out
from diagnosis.errors import FaultwiseError, InputError
from diagnosis.phrases import Phrase

LARGEST_BATCH = 1000

Row = TypeVar("Row", bound=BaseModel)


class RowError(Out):
    """Why one row was not done."""

    status: int = Field(description="HTTP status that the row alone would have had", examples=[422])
    detail: str = Field(description="What was expected and found", examples=["1 of the values sent cannot be used"])
    errors: list[dict[str, str]] = Field(
        description="JSON pointers into the body, each with what is wrong there",
        examples=[[{"pointer": "/3/number", "detail": "Field required"}]],
    )


def read_rows(model: type[Row], rows: Sequence[Any], prefix: Sequence[str] = ()) -> list[Row | RowError]:
    """Return each row as the model reads it, or why it cannot be read.

    Raises
    ------
    InputError
        If there are none, or more than a batch may have.
    """
    if not 1 <= len(rows) <= LARGEST_BATCH:
        raise InputError(Phrase("rows_out_of_range", {"most": LARGEST_BATCH, "found": len(rows)}))
    return [_read(model, row, [*prefix, str(index)]) for index, row in enumerate(rows)]


def _read(model: type[Row], row: Any, prefix: Sequence[str]) -> Row | RowError:  # noqa: ANN401 - any JSON value
    try:
        return model.model_validate(row)
    except ValidationError as error:
        errors = error.errors()
        detail = f"{len(errors)} of the values sent cannot be used"
        return RowError(status=422, detail=detail, errors=pointers(errors, prefix))
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
        errors = [{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()]
        raise RequestValidationError(errors) from error


def rows_of(model: type[Row], body: Any) -> list[Row | RowError]:  # noqa: ANN401 - any JSON value
    """Return the one record of a body, or each of its list, as the model reads it, or why it cannot be read.

    Raises
    ------
    InputError
        If it is neither an object nor a list of 1 to `LARGEST_BATCH`.
    RequestValidationError
        If the one record cannot be read.
    """
    if isinstance(body, dict):
        return [read_one(model, body)]
    if isinstance(body, list):
        return read_rows(model, body)
    raise InputError(Phrase("rows_expected", {"found": type(body).__name__}))


def results_of(rows: Sequence[Row | RowError], name: Callable[[Row], str]) -> dict[str, Any]:
    """Return what became of each row: its number, by `name`, or its error."""
    results = [
        {"index": index, "number": None, "error": row.model_dump()}
        if isinstance(row, RowError)
        else {"index": index, "number": name(row), "error": None}
        for index, row in enumerate(rows)
    ]
    return {"stored": sum(item["error"] is None for item in results), "results": results}


def row_error(error: FaultwiseError) -> RowError:
    """Return why a row was not done."""
    return RowError(status=kind_of(error).status, detail=detail_of(error.phrase), errors=[])
