from __future__ import annotations

import numpy as np
import pandas as pd

from diagnosis.incident import as_frame
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router


def batch(texts: list[str]) -> PreparedIncidents:
    frame = as_frame(pd.DataFrame({"number": [str(i) for i in range(len(texts))], "description": texts}))
    return PreparedIncidents(frame, texts, np.zeros((len(texts), 0), np.float32))


def test_a_saved_router_answers_as_it_did(tmp_path):
    texts = [f"vpn tunnel broken {i}" for i in range(80)] + [f"打印机 卡纸 {i}" for i in range(80)]
    y = ["Network"] * 80 + ["Printing"] * 80
    rows = np.random.default_rng(0).permutation(160)
    prepared, labels = batch(texts).take(rows), [y[i] for i in rows]
    router = Router("assignment_group", precision=0.9).fit(prepared.take(np.arange(80)), labels[:80])
    router.calibrate(prepared.take(np.arange(80, 160)), labels[80:])
    router.save(tmp_path)
    asked = batch(["打印机 又 卡纸", "vpn tunnel down", ""])
    answers = Router.load(tmp_path).predict(asked)
    assert answers == router.predict(asked)
    assert [a.value for a in answers[:2]] == ["Printing", "Network"]
    assert [a.decision for a in answers] == ["automatic", "automatic", "suggested"]
