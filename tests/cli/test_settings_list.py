"""`--list_settings` of `amer search` and `amer compare`."""

from __future__ import annotations

import re

import pytest

from amer_tf.search import ctr_settings, settings
from tests.cli.conftest import amer

TASKS = {"next_item": settings, "ctr": ctr_settings}


@pytest.mark.parametrize("verb", ["search", "compare"])
@pytest.mark.parametrize("preset", ["quick", "standard", "paper"])
def test_every_setting_with_its_value_in_the_preset(verb, preset):
    answer = amer(verb, "--list_settings", f"--preset={preset}")
    assert answer.code == 0, answer.messages
    assert set(answer.result) == set(TASKS)
    for task, module in TASKS.items():
        expected = module.preset(preset)
        found = answer.result[task]
        assert {name: each["value"] for name, each in found.items()} == expected.to_dict()
        assert all(each["meaning"] for each in found.values())
        assert f"Settings of task {task}" in answer.messages
    for text in (f"value in {preset}", "a number in [0, 1)", "one of split, replicate"):
        assert text in answer.messages


def test_a_setting_is_a_line_for_people():
    messages = amer("search", "--list_settings").messages
    for task in TASKS.values():
        for name in task.preset("standard").to_dict():
            assert f"│ {name} " in messages
    assert re.search("│ num_blocks +│ 6 +│ a whole number of at least 1 +│ Choice blocks", messages)
    assert re.search("│ behavior_units +│ 200,80 +│ one or more whole numbers", messages)


def test_what_a_preset_has_with_a_history():
    answer = amer("search", "--list_settings", "--preset=paper")
    assert answer.result["ctr"]["hidden_units"]["value with a history"] == [200, 80]
    assert "value with a history" not in answer.result["ctr"]["num_kept"]
    assert re.search(r"│ embedding_dim +│ 5 \(4 with a history\)", answer.messages)


def test_settings_for_some_data(run):
    answer = amer("search", "--list_settings", f"--data_dir={run.data}")
    assert set(answer.result) == {"next_item"}
    assert "Settings of task ctr" not in answer.messages
