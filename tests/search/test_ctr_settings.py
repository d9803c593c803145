from __future__ import annotations

import dataclasses
import json

import pytest

from amer_tf.architecture import SHORTCUTS
from amer_tf.search.ctr_settings import PRESETS, CtrSettings, preset
from amer_tf.search.path_supernet import FEEDS


def test_what_may_be_chosen_is_what_there_is():
    assert CtrSettings.CHOICES["feed"] == FEEDS
    assert CtrSettings.CHOICES["shortcut"] == SHORTCUTS


def test_every_setting_is_described():
    for field in dataclasses.fields(CtrSettings):
        assert f"        {field.name}: " in CtrSettings.__doc__
    meanings = CtrSettings.meanings()
    assert list(meanings) == [field.name for field in dataclasses.fields(CtrSettings)]
    for name, meaning in meanings.items():
        assert len(meaning.split()) > 1, name
        assert meaning.endswith("."), name


def test_what_a_list_of_numbers_may_be():
    assert CtrSettings.expected("hidden_units") == "one or more whole numbers of at least 1"
    assert CtrSettings.expected("prior_precisions") == "one or more numbers of at least 0"


def test_presets():
    assert preset("standard") == CtrSettings()
    assert set(PRESETS) == {"quick", "standard", "paper"}
    with pytest.raises(ValueError, match="one of quick, standard, paper.*preset='fast'"):
        preset("fast")


def test_the_preset_of_the_paper():
    paper = preset("paper")
    assert (paper.embedding_dim, paper.batch_size, paper.hidden_units) == (5, 4096, (200,) * 3)
    assert (paper.rounds, paper.num_kept, paper.num_interactions) == (4, 50, 15)
    assert paper.round_learning_rate == 1e-4
    assert (paper.num_mlps, paper.mlp_learning_rate) == (2000, 1e-3)


def test_settings_are_plain_json():
    data = json.loads(json.dumps(CtrSettings(hidden_units=[7]).to_dict()))
    assert CtrSettings(**data) == CtrSettings(hidden_units=(7,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rounds": 0}, "`rounds` must be a whole number of at least 1.*rounds=0"),
        ({"dropout": 1.0}, r"`dropout` must be a number in \[0, 1\)"),
        ({"shortcut": "fm"}, "`shortcut` must be one of squeeze_excitation, sum, none.*'fm'"),
        ({"hidden_units": ()}, r"`hidden_units` must be one or more whole.*hidden_units=\(\)"),
        ({"search_units": (8, 0)}, r"`search_units` must be .*search_units=\(8, 0\)"),
        ({"max_order": 1}, "`max_order` must be 0 or at least 2"),
        ({"max_order": -1}, "`max_order` must be a whole number of at least 0"),
        ({"references": ("ffm",)}, "`references` must be different names among lr, fm, afm, nfm"),
        ({"prior_precisions": (30.0, -1.0)}, r"`prior_precisions` must be one or more numbers.*-1"),
        ({"num_interactions": 5, "min_interactions": 6}, r"`min_interactions`.*=6, num_inter.*=5"),
        ({"num_kept": 10}, r"`num_kept` must be at least `num_interactions`.*10, num_inter.*15"),
        ({"num_screened": 50}, r"`num_screened` must be 0 or more than `num_kept`.*50, num_k.*50"),
        ({"prior_precisions": (float("nan"),)}, r"`prior_precisions` must be .*at least 0.*nan"),
        ({"references": ("ligthgbm",)}, r"Did you mean lightgbm\? Received: references="),
        ({"calibration": "isotonic"}, "`calibration` must be one of platt, none.*'isotonic'"),
    ],
)
def test_wrong_values_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        CtrSettings(**change)


def test_text_takes_the_type_of_the_setting():
    changed = CtrSettings().with_text(
        {"hidden_units": "64,32", "dropout": "0.5", "references": "dnn", "prior_precisions": "3,.5"}
    )
    assert changed == CtrSettings(
        hidden_units=(64, 32), dropout=0.5, references=("dnn",), prior_precisions=(3.0, 0.5)
    )
    with pytest.raises(ValueError, match="`hidden_units` must be a whole number.*'64,x'"):
        CtrSettings().with_text({"hidden_units": "64,x"})
