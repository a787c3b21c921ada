"""Search as a whole: both languages, filters, codes, long and repeated texts, changes at once, bad input."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError, StoreError
from diagnosis.incident import Incident, as_frame
from diagnosis.search import Filters, HistoryEncoder, Retriever
from diagnosis.search.glossary import glossary_pairs, translated

from .conftest import TOPICS  # isort: skip


def articles(**columns):
    base = {
        "number": [f"KB{i:07d}" for i in range(len(TOPICS))],
        "title": [texts[0] for texts in TOPICS.values()],
        "resolution": [texts[1] for texts in TOPICS.values()],
    }
    return pd.DataFrame({**base, **columns})


def incidents():
    return pd.DataFrame(
        {
            "number": ["I1", "I2", "I3"],
            "short_description": ["vpn tunnel drops", "printer paper jam", "密码过期"],
            "opened_at": ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", None],
        }
    )


@pytest.fixture
def retriever(encoder):
    return Retriever(encoder).fit(articles(), incidents())


def numbers(retriever, query, corpus="knowledge", **options):
    return [hit.number for hit in retriever.search([query], corpus, **options)[0]]


@pytest.mark.parametrize("side", [0, 1, 2, 3], ids=["symptom en", "fix en", "symptom zh", "fix zh"])
def test_each_language_finds_the_article(retriever, side):
    found = [numbers(retriever, texts[side])[0] for texts in TOPICS.values()]
    assert found == articles()["number"].tolist()


def test_a_hit_carries_cosine_and_passage(retriever, encoder):
    hit = retriever.search(["archive old mail"], "knowledge")[0][0]
    assert hit.passage == "archive old mail"
    assert hit.similarity == pytest.approx(1.0, abs=1e-5)


def test_what_words_of_grammar_are_cut_from_is_translated_whole(retriever):
    terms = [term for pair in glossary_pairs() for term in pair]
    questions = retriever._questions(terms, "knowledge")
    lost = [term for term, q in zip(terms, questions, strict=True) if translated(q.sentence) != translated(term)]
    assert lost == []


@pytest.mark.parametrize(
    ("query", "title", "other"),
    [
        ("cannot log in to the OA", "无法登录", "日志 不能 查看"),
        ("unable to sign in", "登录 页面", "签名"),
        ("端口被占用", "port already in use", "port of the switch"),
        ("从库", "replica database", "library"),
    ],
)
def test_a_term_that_holds_a_word_of_grammar_finds_the_article_of_the_other_language(encoder, query, title, other):
    base = pd.DataFrame({"number": ["OTHER", "KB"], "title": [other, title]})
    assert numbers(Retriever(encoder).fit(base, incidents()), query)[0] == "KB"


def test_batch_and_given_vectors_change_nothing(retriever, encoder):
    queries = ["vpn drops", "屏幕", "nothing known"]
    alone = [retriever.search([query], "knowledge")[0] for query in queries]
    assert retriever.search(queries, "knowledge") == alone
    assert retriever.search(queries, "knowledge", vectors=encoder.encode(queries)) == alone


@pytest.mark.parametrize("corpus", ["knowledge", "incidents"])
@pytest.mark.parametrize(
    ("polite", "fault"),
    [
        ("您好，打印机卡纸，麻烦尽快处理，谢谢！张伟", "打印机卡纸"),
        ("各位同事好，打印机卡纸，请帮忙\n打印机卡纸，谢谢", "打印机卡纸\n打印机卡纸"),
        ("Hi team, could you please help, printer jam, thanks, John", "printer jam"),
        ("Dear IT,\nprinter jam. Many thanks in advance!\nAnna Lee", "printer jam"),
    ],
)
def test_courtesies_around_a_fault_change_nothing_of_what_is_found(retriever, encoder, polite, fault, corpus):
    expected = retriever.search([fault], corpus)
    assert expected[0]
    assert retriever.search([polite], corpus) == expected
    assert retriever.search([polite], corpus, vectors=encoder.encode([polite])) == expected


@pytest.mark.parametrize(
    ("asked", "other"),
    [
        ("我的打印机一直卡纸", "我的合同一直没有人审批，请尽快处理"),
        ("my printer has a paper jam, please", "please have my contract signed"),
    ],
)
def test_words_of_grammar_turn_no_short_question(encoder, asked, other):
    faults = [text for texts in TOPICS.values() for text in (texts[0], texts[2])]
    reports = [f"{text}, room {i}" for i in range(6) for text in faults]
    frame = {"number": [f"I{i}" for i in range(len(reports))] + ["OTHER"], "short_description": [*reports, other]}
    found = Retriever(encoder).fit(pd.DataFrame({"number": []}), pd.DataFrame(frame))
    hits = numbers(found, asked, "incidents", k=6)
    assert "OTHER" not in hits[:1]
    assert all("卡纸" in reports[int(n[1:])] or "jam" in reports[int(n[1:])] for n in hits[:1])
    assert numbers(found, "我的", "incidents") == numbers(found, "my", "incidents") == [], "of grammar alone: nothing"


@pytest.mark.parametrize("corpus", ["knowledge", "incidents"])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("my printer keeps jamming, please", "paper jam in the printer"),
        ("the printer jammed again", "paper jam in the printer"),
        ("mailboxes keep overflowing", "mailbox overflows"),
    ],
)
def test_a_word_that_nobody_wrote_in_that_form_is_asked_in_a_form_that_stands_there(encoder, asked, expected, corpus):
    texts = [
        "vpn keeps dropping",
        "paper jam in the printer",
        "mailbox overflows",
        "keep the printer door shut, please",
    ]
    titles = [text for text in texts for _ in range(4)]
    column = "title" if corpus == "knowledge" else "short_description"
    frame = pd.DataFrame({"number": [f"R{i}" for i in range(len(titles))], column: titles})
    empty = pd.DataFrame({"number": []})
    found = Retriever(encoder).fit(*((frame, empty) if corpus == "knowledge" else (empty, frame)))
    hit = found.search([asked], corpus)[0][0]
    assert titles[int(hit.number[1:])] == expected
    assert hit.similarity == pytest.approx(1.0, abs=0.3)


def test_a_word_that_a_record_holds_a_name_and_a_code_are_asked_as_they_are(encoder):
    frame = pd.DataFrame({"number": ["A", "B"], "short_description": ["printing", "prints a job on spools.exe"]})
    index = Retriever(encoder).fit(articles(), frame).corpora_["incidents"]
    assert index.in_written_forms("printing PRINTED spool.exe/jobs jobs") == "printing PRINTED spool.exe/jobs job"


def test_only_searched_fields_are_searched(encoder):
    retriever = Retriever(encoder, fields=("resolution",)).fit(articles(title=["zebra"] * 5), incidents())
    assert not any("zebra" in hit.passage for hit in retriever.search(["zebra"], "knowledge")[0])
    assert numbers(retriever, "clean the roller")[0] == "KB0000001"
    with pytest.raises(InputError, match="found titel"):
        Retriever(encoder, fields=("titel",)).fit(articles(), incidents())


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (Filters(service="mail"), {2}),
        (Filters(service="N/A"), {0, 1, 2, 3, 4}),
        (Filters(language="en"), {0, 1, 2, 3}),
        (Filters(audience="self_service"), {0, 3}),
        (Filters(audience="internal"), {0, 1, 2, 3, 4}),
        (Filters(valid_at=datetime(2026, 1, 1, tzinfo=UTC)), {1, 2, 3, 4}),
        (Filters(exclude=frozenset({"KB0000000", "unknown"})), {1, 2, 3, 4}),
        (Filters(exclude=frozenset({"KB0000000", *map(str, range(50))})), {1, 2, 3, 4}),
        (Filters(service="mail", exclude=frozenset({"KB0000002"})), set()),
    ],
)
def test_filters(encoder, filters, left):
    frame = articles(
        service=["", "", "mail", "", ""],
        language=["en", "en", "", "en", "zh"],
        audience=["self_service", "", "", "self_service", "internal"],
        valid_to=["2025-12-31", None, "2026-06-01", None, None],
        resolution=["the same fix"] * 5,
    )
    retriever = Retriever(encoder).fit(frame, incidents())
    found = numbers(retriever, "the same fix", filters=filters)
    assert set(found) == {f"KB{i:07d}" for i in left}


def test_only_earlier_incidents_where_time_is_asked_for(retriever):
    asked = Filters(opened_before=datetime(2026, 2, 1, tzinfo=UTC))
    assert numbers(retriever, "printer jam tunnel 密码", "incidents", filters=asked) == ["I1"]


def test_an_incident_of_unknown_time_is_not_earlier_than_a_new_one(retriever):
    now = Filters(opened_before=datetime(2027, 1, 1, tzinfo=UTC))
    asked = "printer jam tunnel 密码"
    assert set(numbers(retriever, asked, "incidents", filters=now)) == {"I1", "I2"}
    retriever.remove("incidents", ["I3"])
    assert set(numbers(retriever, asked, "incidents", filters=now)) == {"I1", "I2"}
    retriever.upsert("incidents", incidents().iloc[[2]].assign(opened_at="2027-06-01T00:00:00Z"))
    assert set(numbers(retriever, asked, "incidents", filters=now)) == {"I1", "I2"}


def test_what_is_excluded_is_not_found_by_its_number_either(retriever):
    assert numbers(retriever, "KB0000003")[0] == "KB0000003"
    assert "KB0000003" not in numbers(retriever, "KB0000003", filters=Filters(exclude=frozenset({"KB0000003"})))


@pytest.mark.parametrize("query", ["KB0000003", "what does kb0000003 say", "ORA-12154", "got error ora-12154 today"])
def test_an_exact_code_or_id_finds_its_article_first(encoder, query):
    fixes = [text.resolution for text in articles().itertuples()]
    fixes[3] += " after ORA-12154"
    fixes[1] += " what does error today say got ora 12155"
    retriever = Retriever(encoder).fit(articles(resolution=fixes), incidents())
    assert numbers(retriever, query)[0] == "KB0000003"


@pytest.mark.parametrize("query", ["Kb-0815a", "kb-0815a", "KB-0815A"])
def test_a_number_is_asked_for_as_it_is_written_or_in_one_case(encoder, query):
    known = articles().replace({"number": {"KB0000003": query}})
    assert numbers(Retriever(encoder).fit(known, incidents()), f"see {query}")[0] == query


def test_a_code_is_looked_for_only_where_all_its_parts_are_known(encoder):
    fixes = [*articles()["resolution"]]
    fixes[2] += " x-err-4711-b"  # not by itself, but whole
    fixes[4] += " err err err"
    retriever = Retriever(encoder).fit(articles(resolution=fixes), incidents())
    assert numbers(retriever, "err-4711")[0] == "KB0000002"
    exact = retriever.signals("knowledge").index("exact")
    for code, held in {"err-4711": [1.0], "err-4712": []}.items():
        ((_, signals),) = retriever.measure([code], "knowledge")
        assert signals[signals[:, exact] > 0, exact].tolist() == held


def test_passages_are_left_out_where_nobody_asks_for_them(retriever):
    with_them, without = (retriever.search(["clean the roller"], "knowledge", passages=p)[0] for p in (True, False))
    assert [replace(hit, passage="") for hit in with_them] == without


def test_a_long_article_is_found_by_a_passage_and_answered_once(encoder):
    filler = "The weekly newsletter tells of the canteen. " * 200
    fixes = [text.resolution for text in articles().itertuples()]
    fixes[0] = f"{filler}\n\nupdate the gateway client\n\n{filler}"
    found = Retriever(encoder, fields=("resolution",)).fit(articles(resolution=fixes), incidents())
    found = found.search(["update the gateway"], "knowledge")
    assert [hit.number for hit in found[0]].count("KB0000000") == 1
    assert found[0][0].number == "KB0000000"
    assert "update the gateway client" in found[0][0].passage
    assert len(found[0][0].passage) < 2_000


def test_texts_of_one_template_stand_as_one_hit_with_their_count(encoder):
    frame = pd.DataFrame(
        {
            "number": [f"I{i}" for i in range(30)],
            "short_description": [f"vpn tunnel drops on host {i}" for i in range(29)] + ["vpn drops"],
        }
    )
    hits = Retriever(encoder).fit(articles(), frame).search(["vpn tunnel drops"], "incidents")[0]
    assert sorted(hit.count for hit in hits) == [1, 29]


def outage(n):
    """Incidents of one text; each one's host number tells it from the others."""
    return pd.DataFrame(
        {
            "number": [f"I{i:03d}" for i in range(n)],
            "short_description": [f"vpn tunnel drops on host {i}" for i in range(n)],
            "opened_at": pd.date_range("2026-03-01", periods=n, freq="h", tz="UTC"),
        }
    )


def resolved_of(*resolved):
    return lambda numbers: {number for number in numbers if number in resolved}


@pytest.mark.parametrize("resolved", [2, 5, 90], ids=["worse", "worst", "no candidate"])
def test_of_incidents_of_one_text_one_that_was_resolved_stands_for_all(encoder, resolved):
    retriever = Retriever(encoder).fit(articles(), outage(100 if resolved == 90 else 6))
    asked = "vpn tunnel drops on host 0"
    (open_hit,) = retriever.search([asked], "incidents")[0]
    assert open_hit.number == "I000"
    retriever.find_resolved = resolved_of(f"I{resolved:03d}")
    (hit,) = retriever.search([asked], "incidents")[0]
    assert (hit.number, hit.count) == (f"I{resolved:03d}", open_hit.count)
    assert hit.score == open_hit.score
    assert hit.passage == f"vpn tunnel drops on host {resolved}"
    assert hit.similarity == pytest.approx(open_hit.similarity, abs=0.2)


def test_the_best_of_those_that_were_resolved_stands_for_all(encoder):
    retriever = Retriever(encoder).fit(articles(), outage(6))
    retriever.find_resolved = resolved_of("I002", "I003", "I004")
    assert numbers(retriever, "vpn tunnel drops on host 3", "incidents") == ["I003"]


def test_a_resolved_incident_that_filters_leave_out_stands_for_none(encoder):
    for n in (6, 100):
        retriever = Retriever(encoder).fit(articles(), outage(n))
        retriever.find_resolved = resolved_of(f"I{n - 1:03d}")
        for allowed in (
            Filters(exclude=frozenset({f"I{n - 1:03d}"})),
            Filters(opened_before=datetime(2026, 3, 1, 4, 30, tzinfo=UTC)),
        ):
            assert numbers(retriever, "vpn tunnel drops on host 0", "incidents", filters=allowed) == ["I000"]


def test_an_incident_that_is_asked_for_by_number_or_rare_code_stands_for_itself(encoder):
    frame = outage(6)
    frame.loc[0, "short_description"] += " ORA-00942"
    frame.loc[1, "short_description"] += " ORA-12154"
    retriever = Retriever(encoder).fit(articles(), frame)
    retriever.find_resolved = resolved_of("I001", "I005")
    assert numbers(retriever, "I002", "incidents") == ["I002"]
    assert numbers(retriever, "vpn tunnel drops ORA-00942", "incidents")[0] == "I000"


def test_articles_of_one_resolution_and_two_titles_are_two_hits(encoder):
    frame = pd.DataFrame(
        {"number": ["K1", "K2", "K3"], "title": ["vpn", "gateway", "VPN"], "resolution": ["update the client"] * 3}
    )
    retriever = Retriever(encoder, fields=("resolution",)).fit(frame, incidents())
    assert sorted(hit.count for hit in retriever.search(["update the client"], "knowledge")[0]) == [1, 2]


def test_changes_count_at_once(retriever):
    retriever.upsert("knowledge", pd.DataFrame({"number": ["KB9"], "title": ["zebra crossing"]}))
    assert numbers(retriever, "zebra")[0] == "KB9"
    retriever.upsert("knowledge", pd.DataFrame({"number": ["KB9"], "title": ["giraffe"]}))
    assert not any("zebra" in hit.passage for hit in retriever.search(["zebra"], "knowledge")[0])
    assert numbers(retriever, "giraffe")[0] == "KB9"
    retriever.remove("knowledge", ["KB9", "unknown"])
    assert "KB9" not in numbers(retriever, "giraffe")


class Watched(HistoryEncoder):
    """The history encoder, noting what it encodes and, once told to, waiting to be let go."""

    def __init__(self, encoder):
        super().__init__(encoder.tokenizer, encoder.weights)
        self.encoded, self.began, self.go_on = [], threading.Event(), threading.Event()
        self.go_on.set()

    def read(self, texts):
        self.encoded.append(list(texts))
        self.began.set()
        assert self.go_on.wait(60)
        return super().read(texts)


def test_an_upsert_encodes_each_text_once_and_others_search_meanwhile(encoder):
    watched = Watched(encoder)
    retriever = Retriever(watched).fit(articles(), incidents())
    watched.encoded.clear()
    watched.began.clear()
    watched.go_on.clear()
    change = threading.Thread(
        target=retriever.upsert, args=("knowledge", pd.DataFrame({"number": ["KB9"], "title": ["zebra"]}))
    )
    change.start()
    try:
        assert watched.began.wait(60)
        found = retriever.search(["printer"], "knowledge", vectors=encoder.encode(["printer"]))[0]
    finally:
        watched.go_on.set()
        change.join()
    assert found
    assert watched.encoded == [["zebra"]]
    assert numbers(retriever, "zebra")[0] == "KB9"


def test_incidents_are_taken_in_as_the_rows_of_a_frame_are(encoder):
    opened = datetime(2026, 3, 1, tzinfo=UTC)
    new = [
        Incident("I4", opened, "screen stays black", service="kiosk"),
        Incident("I1", None, "打印机卡纸"),
        Incident("I5", short_description="vpn"),
        Incident("I5", opened, "mailbox", "quota full"),
    ]
    one, other = (Retriever(encoder).fit(articles(), incidents()) for _ in range(2))
    one.upsert("incidents", new)
    other.upsert("incidents", as_frame(new))
    queries = ["screen", "printer", "mailbox quota", "vpn"]
    for filters in (None, Filters(service="kiosk"), Filters(opened_before=datetime(2026, 3, 2, tzinfo=UTC))):
        assert one.search(queries, "incidents", 5, filters) == other.search(queries, "incidents", 5, filters)
    assert numbers(one, "mailbox", "incidents")[0] == "I5"


def test_filters_hold_after_changes(encoder):
    retriever = Retriever(encoder).fit(articles(service=list("abcde")), incidents())
    retriever.upsert("knowledge", articles(service=list("abcde")).iloc[[1]].assign(service="z"))
    retriever.remove("knowledge", ["KB0000000"])
    assert numbers(retriever, "printer paper jam", filters=Filters(service="z")) == ["KB0000001"]
    assert numbers(retriever, "printer paper jam", filters=Filters(service="b")) == []
    assert numbers(retriever, "screen stays black", filters=Filters(service="e")) == ["KB0000004"]


def test_a_loaded_retriever_answers_the_same(retriever, tmp_path):
    retriever.upsert("knowledge", articles().iloc[[2]])
    retriever.remove("knowledge", ["KB0000000"])
    retriever.save(tmp_path)
    loaded = Retriever.load(tmp_path)
    queries = ["printer jam", "邮箱", "KB0000003"]
    for corpus in ("knowledge", "incidents"):
        assert loaded.search(queries, corpus) == retriever.search(queries, corpus)
    asked = Filters(exclude=frozenset({"KB0000002"}))
    assert loaded.search(queries, "knowledge", filters=asked) == retriever.search(queries, "knowledge", filters=asked)


@pytest.mark.parametrize("query", ["", " ", "?", "a", "的", "the of and", "ελληνικά μόνο", "x" * 100_000, "\x00\ufffd"])
def test_any_question_has_an_orderly_answer(retriever, query):
    hits = retriever.search([query], "knowledge")[0]
    assert all(np.isfinite([hit.score, hit.similarity]).all() for hit in hits)
    if not query.strip("?\x00\ufffd "):
        assert hits == []


@pytest.mark.parametrize("query", ["asdkjh qwoeiu", "zzz", "魑魅魍魉饕餮", "囧囧囧", "asdkjh 囧"])
@pytest.mark.parametrize("corpus", ["knowledge", "incidents"])
def test_words_that_nobody_has_written_find_nothing(encoder, query, corpus):
    assert numbers(Retriever(encoder).fit(articles(), incidents()), query, corpus) == []


@pytest.mark.parametrize("query", ["the", "what is the weather like today", "你好"])
def test_small_words_alone_find_nothing(encoder, query):
    spoken = articles(resolution=["what is the matter today, 您 请问 你 好"] * len(TOPICS))
    retriever = Retriever(encoder).fit(spoken, incidents())
    assert numbers(retriever, query) == []
    assert numbers(retriever, f"{query} printer")[0] == "KB0000001"


def test_a_word_of_the_other_corpus_is_known(encoder):
    """Few articles do not hold the words in which incidents are reported, but the encoder has learned them there."""
    spoken = pd.DataFrame({"number": ["I1"], "short_description": ["打印机卡纸"]})
    english = articles(resolution=[texts[1] for texts in TOPICS.values()])
    retriever = Retriever(encoder).fit(english, spoken)
    assert numbers(retriever, "机")  # no term of the glossary


def test_a_long_question_is_answered_by_its_words(retriever):
    assert numbers(retriever, "printer paper jam. " * 6_000)[0] == "KB0000001"


def test_an_empty_knowledge_base_answers_nothing(encoder, tmp_path):
    retriever = Retriever(encoder).fit(articles().iloc[:0], incidents().iloc[:0])
    assert retriever.search(["vpn"], "knowledge") == [[]]
    retriever.save(tmp_path)
    assert Retriever.load(tmp_path).search(["vpn"], "incidents") == [[]]


def test_articles_without_text_are_kept_out_and_of_a_number_twice_the_last_counts(encoder):
    frame = articles(title=["", *["zebra"] * 4], resolution=["", "first", "x", "y", "z"])
    frame["number"] = ["K0", "K1", "K1", "K3", "K4"]
    retriever = Retriever(encoder).fit(frame, incidents())
    assert set(numbers(retriever, "zebra")) == {"K1", "K3", "K4"}
    assert "first" not in [hit.passage for hit in retriever.search(["first"], "knowledge")[0]]


class Elsewhere:
    """Vectors behind a door that can be shut, as a database that is away for a moment."""

    def __init__(self, index):
        self.index, self.shut = index, False

    def add(self, ids, vectors):
        self._knock()
        self.index.add(ids, vectors)

    def remove(self, ids):
        self._knock()
        self.index.remove(ids)

    def search(self, vectors, k, allowed):
        return self.index.search(vectors, k, allowed)

    def similarities(self, wanted, vector):
        return self.index.similarities(wanted, vector)

    def _knock(self):
        if self.shut:
            raise StoreError("away")


@pytest.mark.parametrize("corpus", ["knowledge", "incidents"])
def test_a_number_may_hold_what_stands_between_it_and_a_passage(encoder, corpus):
    here, there = (Retriever(encoder).fit(articles(), incidents()) for _ in range(2))
    there.move_vectors(lambda _name, index: Elsewhere(index))
    for one in (here, there):
        for number in ("KB\x1fone", "KB\x1f0", "KB"):
            text = {"short_description": f"printer {number}"} if corpus == "incidents" else {"title": "a printer"}
            one.upsert(corpus, pd.DataFrame({"number": [number], "resolution": [f"fix {number}"], **text}))
    assert there.search(["printer", "fix"], corpus) == here.search(["printer", "fix"], corpus)
    assert "KB\x1fone" in numbers(there, "printer KB one", corpus)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.upsert("incidents", incidents().iloc[[0]].assign(short_description="mailbox quota full")),
        lambda r: r.upsert("incidents", [Incident("I9", None, "mailbox quota full")]),
        lambda r: r.remove("incidents", ["I1"]),
    ],
    ids=["replaced", "new", "removed"],
)
def test_a_change_that_vectors_elsewhere_do_not_take_leaves_the_others_right_and_can_be_made_again(encoder, change):
    retriever, sound = (Retriever(encoder).fit(articles(), incidents()) for _ in range(2))
    doors = []
    retriever.move_vectors(lambda _name, index: doors.append(Elsewhere(index)) or doors[-1])
    for door in doors:
        door.shut = True
    with pytest.raises(StoreError):
        change(retriever)
    queries = ["printer paper jam", "密码过期", "mailbox quota", "vpn"]
    assert [hits[0].number for hits in retriever.search(queries[:2], "incidents")] == ["I2", "I3"]
    for door in doors:
        door.shut = False
    change(retriever)
    change(sound)
    assert retriever.search(queries, "incidents") == sound.search(queries, "incidents")
