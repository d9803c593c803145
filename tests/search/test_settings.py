from __future__ import annotations

import dataclasses
import json

import pytest

from amer_tf.search.path_supernet import FEEDS
from amer_tf.search.settings import PRESETS, Settings, preset
from amer_tf.training.next_item import LOSSES


def test_what_may_be_chosen_is_what_there_is():
    assert Settings.CHOICES["feed"] == FEEDS
    assert Settings.CHOICES["loss"] == LOSSES


def test_every_setting_is_described():
    for field in dataclasses.fields(Settings):
        assert f"        {field.name}: " in Settings.__doc__
    meanings = Settings.meanings()
    assert list(meanings) == [field.name for field in dataclasses.fields(Settings)]
    for name, meaning in meanings.items():
        assert len(meaning.split()) > 1, name
        assert meaning.endswith("."), name


def test_a_meaning_over_several_lines():
    assert Settings.meanings()["reference_dropout"] == (
        'Dropout of the hand-made networks: `"own"`, the rate that each is known to want, or '
        '`"shared"`, `dropout`.'
    )


def test_what_a_setting_may_be():
    assert Settings.expected("num_blocks") == "a whole number of at least 1"
    assert Settings.expected("patience") == "a whole number of at least 0"
    assert Settings.expected("l2") == "a number of at least 0"
    assert Settings.expected("dropout") == "a number in [0, 1)"
    assert Settings.expected("feed") == "one of split, replicate"
    assert Settings.expected("references").startswith("different names among popularity, ease")


def test_presets():
    assert preset("standard") == Settings()
    assert set(PRESETS) == {"quick", "standard", "paper"}
    quick, standard = preset("quick"), preset("standard")
    assert quick.supernet_epochs < standard.supernet_epochs
    assert quick.num_architectures < standard.num_architectures


def test_the_preset_of_the_paper():
    # Section 3.2: Adam at 1e-3, batches of 512, K 128, 4000 epochs, one negative a positive.
    paper = preset("paper")
    assert (paper.embedding_dim, paper.num_blocks, paper.batch_size) == (128, 6, 512)
    assert (paper.loss, paper.num_positives, paper.num_negatives) == ("binary", 5, 5)
    assert (paper.supernet_learning_rate, paper.supernet_epochs) == (1e-3, 4000)
    assert (paper.num_architectures, paper.num_finalists) == (2000, 5)
    assert paper.finetune_learning_rate == 1e-6


def test_unknown_preset():
    with pytest.raises(ValueError, match="one of quick, standard, paper.*preset='fast'"):
        preset("fast")


def test_settings_are_plain_json():
    data = json.loads(json.dumps(Settings(references=["ease"]).to_dict()))
    assert Settings(**data) == Settings(references=("ease",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embedding_dim": 0}, "`embedding_dim` must be a whole number of at least 1.*=0$"),
        ({"batch_size": -1}, "`batch_size` must be a whole number of at least 1.*=-1"),
        ({"num_blocks": 2.5}, "`num_blocks` must be a whole number.*num_blocks=2.5"),
        ({"num_blocks": True}, "`num_blocks` must be a whole number.*num_blocks=True"),
        ({"scratch_epochs": 0}, "`scratch_epochs` must be a whole number of at least 1"),
        ({"patience": -1}, "`patience` must be a whole number of at least 0"),
        ({"l2": -1e-6}, "`l2` must be a number of at least 0.*l2=-1e-06"),
        ({"learning_rate": 0.0}, "`learning_rate` must be a positive number.*=0.0"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a positive number.*=nan"),
        ({"learning_rate": 10**400}, "`learning_rate` must be a positive number.*=1000"),
        ({"learning_rate": "fast"}, "`learning_rate` must be a positive number.*='fast'"),
        ({"dropout": 1.0}, r"`dropout` must be a number in \[0, 1\).*dropout=1.0"),
        ({"drop_operation": -0.1}, r"`drop_operation` must be a number in \[0, 1\)"),
        ({"drop_event": 1.5}, r"`drop_event` must be a number in \[0, 1\)"),
        ({"feed": "both"}, "`feed` must be one of split, replicate.*feed='both'"),
        ({"loss": "mse"}, "`loss` must be one of softmax, gbce, binary.*loss='mse'"),
        ({"causal_training": "all"}, "one of cut, every_position.*='all'"),
        ({"references": ("pop",)}, r"`references` must be.*popularity, ease.*\('pop',\)"),
        ({"references": ("ease", "ease")}, "`references` must be different names"),
        ({"references": ("populrity", "eas")}, r"Did you mean popularity, ease\? Received: refer"),
        ({"feed": "splitt"}, r"Did you mean split\? Received: feed='splitt'"),
        (
            {"loss": "binary", "num_negatives": 7, "num_positives": 5},
            "multiple of `num_positives`.*num_negatives=7, num_positives=5",
        ),
    ],
)
def test_wrong_values_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        Settings(**change)


def test_numbers_that_may_be_zero_and_whole_numbers_as_rates():
    chosen = Settings(l2=0, patience=0, num_finalists=0, finetune_epochs=0, final_epochs=0)
    assert chosen.final_epochs == 0
    assert Settings(dropout=0, learning_rate=1).learning_rate == 1


def test_replace():
    changed = Settings().replace(num_blocks=2, references=())
    assert (changed.num_blocks, changed.references) == (2, ())
    with pytest.raises(ValueError, match=r"no setting of this name; known are batch_size.*'depth'"):
        Settings().replace(depth=2)
    with pytest.raises(ValueError, match=r"Did you mean num_blocks\? Received: 'num_block'"):
        Settings().replace(num_block=2)


def test_text_takes_the_type_of_the_setting():
    changed = Settings(learning_rate=1).with_text(
        {
            "num_blocks": "4",
            "learning_rate": "3e-4",
            "loss": "gbce",
            "references": "ease,popularity",
        }
    )
    assert changed == Settings(
        num_blocks=4, learning_rate=3e-4, loss="gbce", references=("ease", "popularity")
    )
    assert Settings().with_text({"references": ""}).references == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_blocks": "two"}, "`num_blocks` must be a whole number.*num_blocks='two'"),
        ({"num_blocks": "2.0"}, "`num_blocks` must be a whole number.*num_blocks='2.0'"),
        ({"dropout": "much"}, "`dropout` must be a number.*dropout='much'"),
        ({"depth": "2"}, "no setting of this name.*'depth'"),
    ],
)
def test_wrong_text_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        Settings().with_text(changes)
