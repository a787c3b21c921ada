"""Phrases: a code with values becomes a sentence in English or Chinese, from one catalogue."""

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import diagnosis
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase, as_written, catalogue, in_words, joined

ROOT = Path(diagnosis.__file__).parent.parent
FILES = [path for folder in ("diagnosis", "training", "api") for path in (ROOT / folder).rglob("*.py")]
SOURCES = [path.read_text(encoding="utf-8") for path in FILES]
TREES = [ast.parse(text) for text in SOURCES]
PHRASES = [
    node
    for tree in TREES
    for node in ast.walk(tree)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Phrase" and node.args
]
REFUSALS = {
    *("ConflictError", "FaultwiseError", "InputError", "MalformedError", "RecordNotFoundError", "ReleaseError"),
    *("RateLimitedError", "SourceError", "StoreError", "UsageError"),
}
# What only a caller of Python gets wrong, or a page says in words of its own, may be refused in an English sentence.
WITH_SENTENCES = (
    *("diagnosis/incident.py", "diagnosis/prepared.py", "diagnosis/routing/", "diagnosis/search/", "diagnosis/text/"),
    *("diagnosis/suggest/outcomes.py", "diagnosis/surges/alert_links.py", "diagnosis/recurrence/risk.py"),
    *("diagnosis/service_levels/model.py", "api/console/"),
)
# Entries that are found by a name that comes from elsewhere.
NAMES = ("field_", "factor_", "language_", "records_", "left_out_", "encoding_", "pydantic_", "os_")
ENGLISH_WORDS = re.compile(r"\b[A-Za-z]{2,}(?: [a-z]{2,}){2,}")


def places(sentence: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(sentence) if name}


def codes_of(node: ast.expr) -> set[str]:
    """Return the codes that the first argument of a phrase may be, as far as they stand there."""
    if isinstance(node, ast.IfExp):
        return codes_of(node.body) | codes_of(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def phrases_with_values() -> Iterator[tuple[ast.Call, ast.Dict]]:
    """Yield each phrase whose values stand in it or before it, none of them put together elsewhere."""
    for tree in TREES:
        nodes = list(ast.walk(tree))
        named = [node for node in nodes if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)]
        for call in nodes:
            if call not in PHRASES:
                continue
            values = call.args[1] if len(call.args) > 1 else ast.Dict([], [])
            if isinstance(values, ast.Name):
                before = [n for n in named if n.lineno < call.lineno and ast.unparse(n.targets[0]) == values.id]
                values = max(before, key=lambda n: n.lineno).value if before else values
            if isinstance(values, ast.Dict) and None not in values.keys:
                yield call, values


def codes_in_sources() -> set[str]:
    whole = {code for call in PHRASES for code in codes_of(call.args[0])}
    return whole | {
        f"{code}_{of}" for text in SOURCES for code in re.findall(r'_of_rule\("(\w+)"', text) for of in ("all", "value")
    }


def sample(name: str, spec: str) -> Any:
    """Return a value that a place of a sentence may get."""
    if spec.endswith(("f", "%", "g")):
        return 0.25
    if name in {"n", "of", "k", "days"} or spec == ",":
        return 7
    if name == "share_names":
        return (Phrase("audit_share_of_language", {"language": "zh", "share": 0.25}),)
    return ("category", "cmdb_ci") if name.rpartition("_")[2] in {"fields", "columns", "names"} else "category"


def test_every_code_that_is_used_has_a_sentence_in_both_languages() -> None:
    used = codes_in_sources()
    assert len(used) > 20
    assert used <= set(catalogue())
    assert all({"en", "zh"} <= set(forms) <= {"en", "zh", "one", "label"} for forms in catalogue().values())


def test_no_sentence_of_the_catalogue_is_left_over() -> None:
    every = "\n".join(SOURCES)
    unused = {code for code in set(catalogue()) - codes_in_sources() if f'"{code}"' not in every}
    assert not {code for code in unused if not code.startswith(NAMES)}


def test_a_phrase_gets_the_values_that_its_sentence_holds() -> None:
    seen = 0
    for call, values in phrases_with_values():
        given = {ast.literal_eval(key) for key in values.keys if key is not None}
        for code in codes_of(call.args[0]):
            seen += 1
            assert {name for name, _ in places(catalogue()[code]["zh"])} <= given, code
    assert seen > 150


def test_an_error_is_given_a_code_and_no_sentence() -> None:
    outright = [
        f"{path}: {ast.unparse(node)}"
        for path, tree in zip(FILES, TREES, strict=True)
        if not str(path.relative_to(ROOT)).startswith(WITH_SENTENCES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS
        if not node.args or isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    ]
    assert not outright


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_every_code_is_put_into_words_of_each_language(code) -> None:
    phrase = Phrase(code, {name: sample(name, spec) for name, spec in places(catalogue()[code]["en"])})
    english, chinese = in_words(phrase, "en"), in_words(phrase, "zh")
    assert english
    assert not re.search("[一-鿿]", english)
    if not code.startswith(NAMES):
        assert not ENGLISH_WORDS.search(chinese), chinese


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_both_languages_hold_the_same_values_in_the_same_form(code) -> None:
    forms = {form: places(sentence) for form, sentence in catalogue()[code].items()}
    assert len({frozenset(held) for held in forms.values()}) == 1, forms
    assert re.search("[一-鿿{]", catalogue()[code]["zh"])


def test_phrases_stand_in_phrases_and_fields_are_named_in_the_language_of_the_reader() -> None:
    inner = Phrase("too_few_cases", {"n": 12, "needed": 45, "promised": 0.95})
    phrase = Phrase(
        "answered_with_parent",
        {"reason": Phrase("value_not_certified", {"value": "<b>{0}", "reason": inner}), "value": "A; B"},
    )
    assert in_words(phrase, "en") == (
        "'<b>{0}' is not automatic yet: 12 past incidents could be checked; 45 without an error are needed to "
        "prove that at least 95% are right; answered with its parent 'A; B', which was tested"
    )
    assert in_words(phrase, "zh") == (
        "“<b>{0}”尚未自动处理：可核对的历史事件只有 12 起；要证明至少 95% 正确，需要 45 起且全部正确；"
        "改以其上级“A; B”作答，该上级已经检验"
    )
    needs = Phrase("recurrence_needs_signature", {"fields": ("cmdb_ci", "category")})
    assert str(needs) == "recurrence cannot be judged: the signature needs cmdb_ci, category"
    assert in_words(needs, "zh-TW") == "无法判断复发：同一故障的判据需要配置项、分类"


def test_one_case_is_singular_in_english() -> None:
    assert str(Phrase("too_few_cases", {"n": 1, "needed": 45, "promised": 0.95})).startswith(
        "1 past incident could be checked;"
    )


def test_a_reason_that_an_older_version_kept_reads_like_one_of_today() -> None:
    kept = {"n": 48, "wrong": 4, "bound": 0.83, "promised": 0.95}
    today = Phrase("nothing_certified", {"reason": Phrase("too_many_errors", {"n": 48, "right": 44, "promised": 0.95})})
    older = Phrase("nothing_certified", {"reason": Phrase("too_many_errors", kept)}).to_dict()
    for phrase in (today, Phrase.from_dict(older)):
        assert in_words(phrase, "en") == (
            "not automatic yet: 44 of 48 past incidents that we checked were right; "
            "automatic routing needs strong evidence of at least 95%"
        )
        assert in_words(phrase, "zh") == (
            "尚未自动处理：核对过的 48 起历史事件中有 44 起正确；自动派单需要有力证据表明至少 95% 正确"
        )


def test_a_share_that_is_neither_none_nor_all_is_not_written_as_0_or_100_percent() -> None:
    assert "(<1% that one does)" in str(Phrase("articles_are_guesses", {"covered": 0.002}))
    below = Phrase("below_threshold", {"value": "A", "threshold": 0.9996, "probability": 0.0004})
    assert ">99.9%" in str(below)
    assert in_words(below, "zh").endswith("<0.1%")
    assert "at least 100% are" in str(Phrase("too_few_cases", {"n": 3, "needed": 9, "promised": 1.0}))


def test_a_phrase_is_the_same_after_it_was_stored() -> None:
    phrase = joined(
        [Phrase("value_reverted", {"value": "网络"}), Phrase("lacks_expected_fields", {"fields": ("text",)})]
    )
    assert phrase is not None
    assert Phrase.from_dict(json.loads(json.dumps(phrase.to_dict()))) == phrase
    assert joined([]) is None


def test_an_error_carries_the_phrase_of_its_message() -> None:
    phrase = Phrase("recurrence_has_no_dates")
    assert InputError(phrase).phrase is phrase
    assert str(InputError(phrase)) == str(phrase)
    assert InputError("expected two; found one").phrase == as_written("expected two; found one")


def test_names_of_languages_and_of_omissions_are_said_in_the_language_of_the_reader() -> None:
    shares = (Phrase("audit_share_of_language", {"language": "en", "share": 0.6}),)
    assert in_words(Phrase("audit_languages", {"share_names": shares}), "zh") == "语言：英文 60%"
    left_out = Phrase("left_out_of_problems", {"n": 1, "omission": "without opened_at"})
    assert (str(left_out), in_words(left_out, "zh")) == (
        "1 incident left out: without opened_at",
        "1 起事件未计入：没有登记时间",
    )
    assert in_words(as_written("Dienstag"), "zh") == "Dienstag"
