"""What `AmerSearch` takes and refuses before it claims a folder."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from amer_tf import AmerSearch
from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.run_error import RunError
from amer_tf.search.settings import preset
from tests.search import small_run

CTR = FeatureSpec(
    (CategoricalField("ad", role="target", vocabulary="ad"),),
    (Vocabulary("ad", "integer", "int64", size=4),),
    task="ctr",
    label="click",
)


def named(name: str) -> FeatureSpec:
    return dataclasses.replace(CTR, fields=(*CTR.fields, CategoricalField(name, vocabulary="ad")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": ("mlp",)}, r"`steps` must be among \('behavior',\).*steps=\('mlp',\)"),
        ({"seed": -1}, "`seed` must be an integer of at least 0.*seed=-1"),
        ({"seed": 1.5}, "`seed` must be an integer.*seed=1.5"),
        ({"preset": "huge"}, "`preset` must be one of.*preset='huge'"),
        ({"steps": ("behaviour",)}, r"Did you mean behavior\? Received: steps=\('behaviour',\)"),
        (
            {"preset": "quick", "settings": small_run.SETTINGS},
            "`preset` says nothing beside whole `settings`.*Received: preset='quick', settings=Se",
        ),
        ({"settings": 3}, "`settings` must be changes by name, or Settings for task.*settings=3"),
        ({"settings": CtrSettings()}, "or Settings for task 'next_item'.*settings=CtrSettings"),
        ({"settings": {"num_block": 2}}, r"Did you mean num_blocks\? Received: 'num_block'"),
        ({"max_params": 10}, "the smallest that there can be has [0-9,]+ parameters, the limit"),
        ({"time_limit": "soon"}, "positive number of seconds.*'soon'"),
        ({"spec": CTR}, "two or more different fields"),
        ({"spec": named("class")}, "Python language cannot name.*Received: 'class'"),
        ({"spec": named("AD")}, "upper and lower case.*Received: 'ad' and 'AD'"),
    ],
)
def test_wrong_arguments_claim_no_folder(data, tmp_path, options, message):
    spec = options.pop("spec", data.spec)
    with pytest.raises(ValueError, match=message):
        AmerSearch(spec, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_settings_are_changes_of_a_preset(data, tmp_path):
    numbers = itertools.count()

    def settings(**options):
        return AmerSearch(data.spec, tmp_path / str(next(numbers)), **options).settings

    changes = {"references": ["ease"], "num_blocks": 2}
    assert settings() == preset("standard")
    assert settings(preset="quick") == preset("quick")
    assert settings(settings=changes) == preset("standard").replace(**changes)
    assert settings(preset="quick", settings=changes) == preset("quick").replace(**changes)
    assert settings(settings=small_run.SETTINGS) == small_run.SETTINGS


def test_a_limit_that_cannot_be_met_leaves_a_run_as_it_is(data, tmp_path):
    def search(**limits):
        return AmerSearch(data.spec, tmp_path, settings=small_run.SETTINGS, **limits)

    search()
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(RunError, match="within the limits.*max_params=10"):
        search(max_params=10)
    assert before == {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    search(max_params=10_000)
