"""The history encoder serves what sentence-transformers would, without torch."""

import subprocess
import sys

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from diagnosis.errors import InputError
from diagnosis.search import HistoryEncoder

TEXTS = ["vpn drops", "连不上 vpn", "", "?!", "printer jam printer", "never seen", "vpn"]


@pytest.fixture(scope="module")
def encoder():
    vocabulary = {word: i for i, word in enumerate(["[UNK]", "vpn", "drops", "printer", "jam", "连不上"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern=" ", behavior="removed")
    weights = np.random.default_rng(0).standard_normal((6, 16), dtype=np.float32)
    return HistoryEncoder(tokenizer, weights)


def test_a_vector_is_the_scaled_mean_of_its_tokens(encoder):
    expected = 2 * encoder.weights[3] + encoder.weights[4]
    np.testing.assert_allclose(
        encoder.encode(["printer jam printer"])[0], expected / np.linalg.norm(expected), atol=1e-6
    )


def test_one_text_is_encoded_as_in_a_batch(encoder):
    alone = np.vstack([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, encoder.encode(TEXTS), atol=1e-6)


def test_rows_have_length_one_and_an_empty_text_none(encoder):
    norms = np.linalg.norm(encoder.encode(TEXTS), axis=1)
    np.testing.assert_allclose(norms, [0 if text == "" else 1 for text in TEXTS], atol=1e-6)
    assert encoder.encode([]).shape == (0, 16)
    assert encoder.encode(TEXTS).dtype == np.float32


def test_sentence_transformers_reads_the_folder_and_agrees(encoder, tmp_path):
    from sentence_transformers import SentenceTransformer

    encoder.save(tmp_path)
    model = SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    texts = [text for text in TEXTS if text]
    np.testing.assert_allclose(model.encode(texts), encoder.encode(texts), atol=1e-6)


def test_a_loaded_encoder_gives_the_same_vectors_from_disk(encoder, tmp_path):
    encoder.save(tmp_path)
    loaded = HistoryEncoder.load(tmp_path)
    assert isinstance(loaded.weights.base, np.memmap)
    assert np.array_equal(loaded.encode(TEXTS), encoder.encode(TEXTS))


def test_it_imports_no_torch(encoder, tmp_path):
    encoder.save(tmp_path)
    code = (
        "import sys; from pathlib import Path; from diagnosis.search import HistoryEncoder;"
        f"HistoryEncoder.load(Path({str(tmp_path)!r})).encode(['vpn']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_weights_that_do_not_fit_the_tokenizer_are_refused(encoder):
    with pytest.raises(InputError, match="expected 6 rows"):
        HistoryEncoder(encoder.tokenizer, np.zeros((5, 16), dtype=np.float32))


def test_a_folder_without_an_encoder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"model\.safetensors is missing"):
        HistoryEncoder.load(tmp_path)
