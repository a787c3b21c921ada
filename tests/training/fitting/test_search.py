"""Fitting search: weights are learned from held-out questions, the last encoder from everything."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.search import Filters, Fusion, HistoryEncoder
from diagnosis.search.glossary import glossary_pairs
from training.fitting.search import _solved_incidents, _without_answers, fit_encoder_on, fit_search, learn_ranking
from training.fitting.tokenizer import fit_tokenizer

WORDS = ["alpha", "bravo", "delta", "echo", "golf", "hotel", "india", "kilo", "lima", "mike", "oscar", "papa"]
CHINESE = ["网络", "打印", "邮箱", "密码", "屏幕", "键盘", "磁盘", "内存", "证书", "代理", "路由", "备份"]
NOTHING = pd.DataFrame({"number": []})


def knowledge(words):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(120):
        said = [words[w] for w in rng.choice(len(words), 3, replace=False)]
        rows.append((f"K{i}", " ".join(said), f"fix {' '.join(said[::-1])} {i}"))
    return pd.DataFrame(rows, columns=["number", "title", "resolution"])


@pytest.mark.parametrize("words", [WORDS, CHINESE], ids=["English", "Chinese"])
def test_weights_are_learned_and_the_fix_is_found(words):
    frame = knowledge(words)
    before = frame.copy()
    found = fit_search(frame, NOTHING, fields=("resolution",))
    pd.testing.assert_frame_equal(frame, before)
    assert found.weights["knowledge"].n_questions >= 20
    hits = found.search(frame["title"].tolist(), "knowledge", 5)
    ranks = [number in [hit.number for hit in answer] for number, answer in zip(frame["number"], hits, strict=True)]
    assert np.mean(ranks) > 0.7


def test_both_languages_are_found_alike_and_across():
    """One knowledge base told in both languages, most of it translated: the rest is asked across."""
    english, chinese = knowledge(WORDS), knowledge(CHINESE)
    for frame, language in ((english, "en"), (chinese, "zh")):
        frame["resolution"] = frame["title"]
        frame["language"] = language
    chinese["number"] = "zh" + chinese["number"]
    chinese["translation_of"] = english["number"].where(english.index < 80, "")
    found = fit_search(pd.concat([english, chinese], ignore_index=True), NOTHING)

    def share_found(asked, wanted, language):
        hits = found.search(asked["title"].tolist()[80:], "knowledge", 5, Filters(language=language))
        titles = dict(zip(wanted["number"], wanted["title"].str.split().map(sorted), strict=True))
        right = wanted["title"].str.split().map(sorted).tolist()[80:]
        return np.mean(
            [any(titles[hit.number] == words for hit in answer) for answer, words in zip(hits, right, strict=True)]
        )

    within = share_found(english, english, "en"), share_found(chinese, chinese, "zh")
    across = share_found(chinese, english, "en"), share_found(english, chinese, "zh")
    assert min(within) > 0.95
    assert min(across) > 0.7
    assert abs(across[0] - across[1]) < 0.15


def test_translations_ask_across_languages_and_teach_what_the_glossary_is_worth():
    terms = [(zh, en) for zh, en in glossary_pairs() if en.isascii() and " " not in en][:60]
    rng = np.random.default_rng(0)
    said = [rng.choice(len(terms), 3, replace=False) for _ in range(100)]
    english = pd.DataFrame(
        {
            "number": [f"E{i}" for i in range(100)],
            "language": "en",
            "title": [" ".join(terms[w][1] for w in words) for words in said],
            "resolution": "remedy",
        }
    )
    chinese = pd.DataFrame(
        {
            "number": [f"C{i}" for i in range(100)],
            "language": "zh",
            "translation_of": english["number"],
            "title": ["，".join(terms[w][0] for w in words) for words in said],
        }
    )
    seen = []

    def fit(articles, incidents):
        seen.append(articles)
        return HistoryEncoder(fit_tokenizer(articles["title"].tolist()), weights(articles["title"]))

    def weights(texts):
        return np.random.default_rng(0).standard_normal(
            (fit_tokenizer(texts.tolist()).get_vocab_size(), 16), dtype=np.float32
        )

    learned = learn_ranking(pd.concat([english, chinese], ignore_index=True), NOTHING, fit)[0]["knowledge"]
    gone = ({*english["number"], *chinese["number"]}) - set(seen[0]["number"])
    assert len(gone) == 20
    assert {number[0] for number in gone} == {"E", "C"}
    assert len({number[1:] for number in gone}) == 20  # of no article both languages
    # Vectors that were never trained say nothing across languages, and the glossary says all.
    assert learned.weights["lexical:glossary"] > 2
    assert learned.weights["history:whole"] < Fusion.prior(["history:whole"]).weights["history:whole"]


def test_few_records_keep_the_assumed_weights():
    found = fit_search(knowledge(WORDS).head(10), NOTHING)
    assert found.weights == {}
    assert found.search(["alpha"], "knowledge") is not None


@pytest.mark.parametrize("said", ["{0}. {1} fails. We saw {2}. It was {3}.", "{0}失败。{1}报警。看到{2}。是{3}。"])
def test_a_report_is_asked_for_by_its_second_half_and_keeps_the_first(said):
    names = [f"w{i}x" for i in range(1_200)]
    reports = [said.format(*names[4 * i : 4 * i + 4]) for i in range(300)]
    frame = pd.DataFrame(
        {"number": [f"I{i}" for i in range(300)], "short_description": names[:300], "description": reports}
    )
    seen = []

    def fit(articles, incidents):
        seen.append(incidents)
        return fit_encoder_on(articles, incidents, dimensions=16)

    learned = learn_ranking(NOTHING, frame, fit)[0]
    left = seen[0].set_index("number")["description"]
    cut = {number for number, text in zip(frame["number"], reports, strict=True) if left[number] != text}
    assert len(cut) == 60 >= learned["incidents"].n_questions >= 40
    for number in cut:
        whole = reports[int(number[1:])]
        assert whole.startswith(left[number].replace("\n", " " if "fails" in whole else ""))
        assert left[number]


def test_the_same_seed_gives_the_same_weights():
    frame = knowledge(WORDS)
    fit = partial(fit_encoder_on, dimensions=16)
    assert learn_ranking(frame, NOTHING, fit)[0] == learn_ranking(frame, NOTHING, fit)[0]


def test_fusion_finds_the_weights_that_the_answers_were_drawn_with():
    """Simulate answers from a conditional logit of weights 5 and 0."""
    rng = np.random.default_rng(0)
    questions = []
    for _ in range(2_000):
        rows = rng.random((20, 2))
        chances = np.exp(5 * rows[:, 0])
        questions.append((rows, int(rng.choice(20, p=chances / chances.sum()))))
    learned = Fusion.fit(("history:whole", "lexical:whole"), questions)
    assert learned.weights["history:whole"] == pytest.approx(5, abs=0.5)
    assert learned.weights["lexical:whole"] == pytest.approx(0, abs=0.3)
    assert learned.n_questions == 2_000


def test_fusion_without_questions_stays_as_assumed():
    signals = ("history:whole", "exact")
    assert Fusion.fit(signals, []).weights == Fusion.prior(signals).weights


@pytest.mark.parametrize("telling", ["history:whole", "lexical:whole", "lexical:cosine", "exact"])
def test_on_new_questions_a_learned_mix_is_not_clearly_worse_than_the_signal_that_tells_all(telling):
    signals = ("history:whole", "lexical:whole", "lexical:cosine", "exact")

    def questions(seed):
        rng = np.random.default_rng(seed)
        for _ in range(300):
            rows, right = rng.random((30, 4)), int(rng.integers(30))
            rows[right, signals.index(telling)] += 0.4
            yield rows, right

    learned = Fusion.fit(signals, list(questions(0)))

    def quality(weights):
        ranks = [1 + ((rows @ weights) > (rows @ weights)[right]).sum() for rows, right in questions(1)]
        return 1 / np.array(ranks)

    alone = quality(np.array([float(name == telling) for name in signals]))
    behind = alone - quality(np.array([learned.weights[name] for name in signals]))
    assert behind.mean() < 0.03


def test_incidents_that_an_article_solved_are_the_questions_that_weights_learn_from():
    articles = knowledge(WORDS).assign(title="", symptoms="", cause="", keywords="")
    solved = pd.DataFrame(
        {
            "number": [f"I{i}" for i in range(200)],
            "short_description": [articles["resolution"].iloc[i % len(articles)][:12] for i in range(200)],
            "knowledge": [articles["number"].iloc[i % len(articles)] for i in range(200)],
        }
    )
    seen = []

    def fit(base, incidents):
        seen.append(incidents)
        return fit_encoder_on(base, incidents, dimensions=8, max_steps=20)

    learned = learn_ranking(articles, solved, fit)[0]
    assert len(seen[0]) == 160  # a fifth asks, and teaches no encoder
    assert learned["knowledge"].n_questions > 20


@pytest.mark.parametrize(
    ("kinds", "n_taken_out"),
    [
        ([("IT", "")], 32),  # of one category: the fix alone, of which there are five
        ([("IT", "Mail")], 32),
        ([("IT", f"Kind {i}") for i in range(19)], 39),  # the fix, and what else is of the same kind
    ],
)
def test_what_could_be_found_instead_of_the_answer_is_left_where_all_have_one_category(kinds, n_taken_out):
    base = as_knowledge_frame(pd.DataFrame({"number": [f"K{i}" for i in range(5)], "resolution": "x"}))
    rows = [
        {"number": f"A{i}", "short_description": f"fault {i}", "knowledge": f"K{i % 5}"}
        | dict(zip(("category", "subcategory"), kinds[i % len(kinds)], strict=True))
        for i in range(200)
    ]
    _, alike, remaining = _solved_incidents(base, as_frame(pd.DataFrame(rows)), 0)
    assert len(alike) == 40
    taken_out = [len(set(remaining["number"]) & filters.exclude) for filters in _without_answers(alike)]
    assert np.mean(taken_out) == pytest.approx(n_taken_out, abs=2)
    assert len({id(numbers) for _, _, shared in alike for numbers in shared if numbers}) <= 24, "sets are shared"


def test_coverage_is_learned_though_a_translation_that_incidents_name_asks_for_its_original():
    english, chinese = knowledge(WORDS), knowledge(CHINESE)
    english["language"], chinese["language"] = "en", "zh"
    chinese["translation_of"] = english["number"]
    chinese["number"] = "zh" + chinese["number"]
    articles = pd.concat([english, chinese], ignore_index=True)
    solved = pd.DataFrame(
        {
            "number": [f"I{i}" for i in range(len(articles))],
            "short_description": articles["title"],
            "knowledge": articles["number"],
        }
    )
    found = fit_search(articles, solved, partial(fit_encoder_on, max_steps=50))
    assert found.coverage["knowledge"].n_questions >= 20
