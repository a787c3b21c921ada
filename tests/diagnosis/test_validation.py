"""What pydantic finds wrong with a value is said in both languages, in English by its own words."""

import re
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import PydanticKnownError

from diagnosis.phrases import catalogue, in_words
from diagnosis.validation import describe_error

CONTEXTS = {
    "greater_than": {"gt": 0.0},
    "greater_than_equal": {"ge": 0.5},
    "less_than": {"lt": 1},
    "less_than_equal": {"le": 1_000_000.0},
    "string_too_short": {"min_length": 1},
    "string_too_long": {"max_length": 5},
    "string_pattern_mismatch": {"pattern": "a+"},
    "literal_error": {"expected": "'a', 'b' or 'c'"},
    "enum": {"expected": "'a'"},
    "too_short": {"field_type": "List", "min_length": 1, "actual_length": 0},
    "too_long": {"field_type": "List", "max_length": 2, "actual_length": 3},
    "url_scheme": {"expected_schemes": "'http' or 'https'"},
    **{
        kind: {"error": "input is too short"}
        for kind in ("datetime_parsing", "datetime_from_date_parsing", "date_parsing", "date_from_datetime_parsing")
    },
    "url_parsing": {"error": "empty host"},
}
KINDS = sorted(code.removeprefix("pydantic_") for code in catalogue() if code.startswith("pydantic_"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "object"])
def test_english_is_what_pydantic_says_itself(kind) -> None:
    context = CONTEXTS.get(kind)
    said = PydanticKnownError(kind, context).message()
    phrase = describe_error({"type": kind, "msg": said, "ctx": context or {}, "input": "昨天"})
    assert str(phrase).removesuffix('; found "昨天"') == said
    assert re.search("[一-鿿]", in_words(phrase, "zh"))


class Form(BaseModel):
    """A body with a few values."""

    kind: Literal["fix", "workaround", "none"] = "fix"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    names: Annotated[list[str], Field(min_length=1)] = ["a"]


@pytest.mark.parametrize(
    ("body", "english", "chinese"),
    [
        (
            {"kind": "fixed"},
            "Input should be 'fix', 'workaround' or 'none'; found \"fixed\"",
            "应为 'fix'、'workaround' 或 'none'，实为：\"fixed\"",
        ),
        ({"share": 1.5}, "Input should be less than 1; found 1.5", "应小于 1，实为：1.5"),
        (
            {"names": []},
            "List should have at least 1 item after validation, not 0; found a list",
            "List 至少应有 1 项，不能只有 0 项，实为：列表",
        ),
        ({"share": {}}, "Input should be a valid number; found an object", "应为数字，实为：对象"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_found(body, english, chinese) -> None:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate(body)
    phrase = describe_error(caught.value.errors()[0])
    assert (str(phrase), in_words(phrase, "zh")) == (english, chinese)
