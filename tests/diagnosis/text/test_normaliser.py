"""One clean string an incident: nothing said twice, nothing lost, the same after saving."""

import time

import pytest

from diagnosis.errors import InputError, NotFittedError
from diagnosis.text import TextNormaliser

FORM = "Thank you for using the service portal form."
TITLES = [f"fault {i}" for i in range(100)]
BODIES = [f"{FORM}\nmachine {i} stopped at step {i * i}" for i in range(100)]


@pytest.fixture(scope="module")
def fitted():
    return TextNormaliser().fit(TITLES, BODIES)


@pytest.mark.parametrize(
    ("title", "body", "expected"),
    [
        ("VPN down", "since monday", "VPN down\nsince monday"),
        ("VPN down", "VPN down", "VPN down"),
        ("vpn down", "VPN down since monday", "VPN down since monday"),
        ("VPN 连不上", "", "VPN 连不上"),
        ("", "VPN 连不上", "VPN 连不上"),
        ("", "", ""),
        ("two\nlines", "body", "two lines\nbody"),
        ("fan", f"{FORM}\nfan loud", "fan loud"),
        ("fan", "fantastic noise", "fan\nfantastic noise"),
        ("VPN 连不上", "VPN 连不上，提示 809", "VPN 连不上，提示 809"),
    ],
)
def test_one_string_an_incident(fitted, title, body, expected):
    assert fitted.transform([title], [body]) == [expected]


def test_a_frequent_short_description_is_content(fitted):
    learned = TextNormaliser().fit(
        ["login issue"] * 100, [f"login issue\nuser {i} at desk {i * 3}" for i in range(100)]
    )
    assert learned.transform(["login issue"], ["login issue\nuser 7"]) == ["login issue\nuser 7"]


def test_plain_texts_pass_the_same_way(fitted):
    assert fitted.normalise_texts([f"<p>{FORM}</p><p>风扇坏了</p>", "how to reset?"]) == ["风扇坏了", "how to reset?"]


def test_saved_and_loaded_it_gives_the_same(fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = TextNormaliser.load(tmp_path)
    assert loaded.transform(TITLES, BODIES) == fitted.transform(TITLES, BODIES)
    assert loaded.transform(["a"], [FORM]) == fitted.transform(["a"], [FORM])


def test_boilerplate_can_be_left_in():
    normaliser = TextNormaliser(strip_boilerplate=False).fit(TITLES, BODIES)
    assert normaliser.transform(["a"], [BODIES[0]]) == [f"a\n{BODIES[0]}"]


def test_long_text_is_bounded(fitted):
    text = "x" * 30_000
    assert fitted.transform([""], [text]) == ["x" * 20_000]
    start = time.perf_counter()
    fitted.transform([""] * 5, ["<p>打印机 is broken, see > quoted\n</p>" * 5_000] * 5)
    assert time.perf_counter() - start < 5


def test_it_must_be_fitted_first():
    with pytest.raises(NotFittedError, match="before fit"):
        TextNormaliser().transform(["a"], ["b"])


def test_lengths_must_agree(fitted):
    with pytest.raises(InputError, match="found 1 and 2"):
        fitted.transform(["a"], ["b", "c"])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"normaliser\.json"):
        TextNormaliser.load(tmp_path)
