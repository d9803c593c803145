"""The README of an export: complete, and its requests work as they stand."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tests.export.small_models import CASES


@pytest.mark.parametrize("exported", list(CASES), indirect=True)
def test_requests_work_as_they_stand(exported):
    text = (exported.folder / "README.md").read_text(encoding="utf-8")
    requests = [json.loads(found) for found in re.findall(r"```json\n(.*)\n```", text)]
    names = [request["signature_name"] for request in requests]
    assert names == ["serving_default", "recommend"]
    for request in requests:
        answer = exported.ask(request["signature_name"], **request["inputs"])
        assert all(len(value) == 1 for value in answer.values())
        assert all(np.isfinite(value).all() for key, value in answer.items() if "score" in key)


def test_every_column_stands_there_with_type_and_shape(exported):
    text = (exported.folder / "README.md").read_text(encoding="utf-8")
    for name, function in exported.loaded.signatures.items():
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        inputs = function.structured_input_signature[1]
        numbers = {column: f"{number} | " for number, column in enumerate(sorted(inputs))}
        for column, spec in {**inputs, **function.structured_outputs}.items():
            start = re.escape(f"| {numbers.get(column, '')}")
            (row,) = re.findall(rf"^{start}(`{column}` \|.*)$", section, re.MULTILINE)
            cells = [cell.strip() for cell in row.split("|")]
            assert cells[1] == spec.dtype.name
            if spec.shape.rank is None:
                assert cells[2] == "scalar, or [batch]"
            else:
                assert len(cells[2].split(",")) == spec.shape.rank


def test_what_a_user_must_know(exported):
    text = (exported.folder / "README.md").read_text(encoding="utf-8")
    assert "- items: 7\n" in text
    assert "the newest 5\n" in text
    assert "| `history_tags` | int64 | [batch, steps, values] | `-9223372036854775808` |" in text
    assert '| `country` | string | [batch] | `""` | yes |' in text
    assert '| `history_item_id` | string | [batch, steps] | `""` | no |' in text
    assert "yes: `true`" in text
    assert "yes: `10`" in text
    assert "an infinite one too, counts as the end" in text
    assert str(exported.case.architecture) in text
