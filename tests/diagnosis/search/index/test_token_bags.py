"""TokenBags against the encoder's own vectors, as texts come and go."""

import numpy as np
import pytest

from diagnosis.search.index.ids import Ids
from diagnosis.search.index.token_bags import TokenBags
from tests.diagnosis.search.conftest import TOPICS

TEXTS = {f"t{i}": text for i, text in enumerate(text for texts in TOPICS.values() for text in texts)}


@pytest.fixture
def bags(encoder):
    index = TokenBags(encoder)
    for name, text in TEXTS.items():
        index.add(Ids([name]), encoder.read([text])[1])
    return index


def cosines(index, encoder, question, names=tuple(TEXTS)):
    return index.similarities_at(index.places_of(Ids(list(names))), encoder.encode([question]))


@pytest.mark.parametrize("question", ["vpn drops again", "打印机 卡纸", "replace the cable in the portal"])
def test_cosines_are_those_of_the_vectors(bags, encoder, question):
    expected = encoder.encode(list(TEXTS.values())) @ encoder.encode([question])[0]
    np.testing.assert_allclose(cosines(bags, encoder, question), expected, atol=1e-6)


def test_removed_replaced_unknown_and_empty_texts(bags, encoder):
    bags.remove(["t1", "t2", "nobody"])
    bags.add(Ids(["t2", "empty"]), encoder.read(["printer paper jam", " "])[1])
    found = cosines(bags, encoder, "printer paper jam", ["t2", "t1", "t0", "empty", "nobody"])
    assert found[[1, 3, 4]].tolist() == [0, 0, 0]
    assert found[0] == pytest.approx(1, abs=1e-6)
    assert found[2] == pytest.approx(float(encoder.encode([TEXTS["t0"]])[0] @ encoder.encode(["printer paper jam"])[0]))
    assert cosines(bags, encoder, "", ["t0"]).tolist() == [0]


def test_loading_does_not_change_answers(bags, encoder, tmp_path):
    bags.remove(["t3"])
    bags.save(tmp_path / "bags")
    loaded = TokenBags.load(tmp_path / "bags", encoder)
    names = ["t0", "t3", "t7"]
    np.testing.assert_array_equal(cosines(loaded, encoder, "vpn", names), cosines(bags, encoder, "vpn", names))
    TokenBags(encoder).save(tmp_path / "none")
    assert len(TokenBags.load(tmp_path / "none", encoder)) == 0
