"""FeatureSpec: round trips, what it refuses, and what it derives from its fields."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import pytest

from amer_tf import features
from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    Normalization,
    NumericField,
    SpecError,
    Vocabulary,
)


def next_item_spec(**arguments) -> FeatureSpec:
    settings = {
        "fields": (
            CategoricalField("history_item_id", "behavior", "item_id"),
            MultiValuedField("history_genres", "behavior", "genres", max_values=3),
            NumericField("hours", "behavior"),
            CategoricalField("item_id", "target"),
            MultiValuedField("genres", "target", max_values=3),
            NumericField("price", "target", Normalization(0.0, 5.5, 1.25, log=True)),
            CategoricalField("age", "profile"),
        ),
        "vocabularies": (
            Vocabulary("item_id", source="values", values=("a", "b", "ç")),
            Vocabulary("genres", source="hash", size=20),
            Vocabulary("age", source="integer", dtype="int64", size=7),
        ),
        "task": "next_item",
        "group": "user_id",
        "max_length": 15,
        "target_to_behavior": {"item_id": "history_item_id", "genres": "history_genres"},
    }
    return FeatureSpec(**{**settings, **arguments})


def ctr_spec(**arguments) -> FeatureSpec:
    settings = {
        "fields": (CategoricalField("site"), NumericField("hour", "context")),
        "vocabularies": (Vocabulary("site", min_count=4, max_size=100),),
        "label": "click",
    }
    return FeatureSpec(**{**settings, **arguments})


SPECS = pytest.mark.parametrize("spec", [next_item_spec(), ctr_spec()], ids=["next_item", "ctr"])


@SPECS
def test_round_trips(spec):
    assert FeatureSpec.from_json(spec.to_json()) == spec
    assert FeatureSpec.from_dict(spec.to_dict()) == spec
    assert FeatureSpec.from_json(spec.to_json()).to_json() == spec.to_json()
    assert copy.deepcopy(spec) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert len({spec, copy.deepcopy(spec)}) == 1


def test_json_says_version_and_kinds():
    data = json.loads(next_item_spec().to_json())
    assert data["version"] == 1
    assert [field["kind"] for field in data["fields"][:3]] == [
        "categorical",
        "multi_valued",
        "numeric",
    ]
    assert data["fields"][5]["normalization"] == {
        "low": 0.0,
        "high": 5.5,
        "mean": 1.25,
        "log": True,
        "quantile": 0.0,
    }


def test_files_of_version_1_stay_readable():
    # As it stands in folders that were written by the first release: do not edit.
    written = """{"version": 1, "task": "ctr", "label": "click", "group": null, "max_length": 50,
        "target_to_behavior": {}, "fields": [{"kind": "categorical", "name": "site",
        "role": "profile", "vocabulary": "site"}, {"kind": "numeric", "name": "hour",
        "role": "context", "normalization": {"low": null, "high": null, "mean": null,
        "log": false, "quantile": 0.0}}], "vocabularies": [{"name": "site", "source": "fit",
        "dtype": "string", "values": [], "file": null, "size": null, "min_count": 4,
        "max_size": 100}]}"""
    assert FeatureSpec.from_json(written) == ctr_spec()


def test_is_frozen():
    spec = next_item_spec()
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.task = "ctr"
    with pytest.raises(TypeError):
        spec.target_to_behavior["price"] = "hours"


def test_differs_where_the_item_id_differs():
    # Equal as dicts, but the first entry is the item id.
    mapping = {"genres": "history_genres", "item_id": "history_item_id"}
    fields = (
        CategoricalField("history_item_id", "behavior", "item_id"),
        CategoricalField("history_genres", "behavior", "genres"),
        CategoricalField("item_id", "target"),
        CategoricalField("genres", "target"),
    )
    arguments = {
        "fields": fields,
        "vocabularies": (Vocabulary("item_id"), Vocabulary("genres")),
    }
    swapped = next_item_spec(**arguments, target_to_behavior=mapping)
    assert swapped.item_field == "genres"
    assert swapped != next_item_spec(**arguments)
    assert swapped != "spec"
    assert FeatureSpec.from_json(swapped.to_json()).item_field == "genres"


def test_every_public_name_comes_from_features():
    for name in features.__all__:
        assert hasattr(features, name)


def test_what_a_next_item_spec_derives():
    spec = next_item_spec()
    assert spec.item_field == "item_id"
    assert spec.history_field == "history_item_id"
    assert [field.name for field in spec.catalog_fields] == ["genres", "price"]
    # `history_genres` is looked up in the catalog; `hours` is known of the event alone.
    assert [field.name for field in spec.input_fields] == ["history_item_id", "hours", "age"]
    assert [field.name for field in spec.with_role("profile", "context")] == ["age"]
    assert [field.name for field in spec] == [field.name for field in spec.fields]
    assert spec.field("genres") is spec.fields[4]
    assert spec.vocabulary("history_item_id").name == "item_id"


def test_which_field_tells_the_steps_of_a_history():
    fields = (
        NumericField("price", "behavior"),
        CategoricalField("kind", "behavior"),
        CategoricalField("items", "behavior", "item"),
        CategoricalField("item", "target"),
    )
    vocabularies = (Vocabulary("kind"), Vocabulary("item"))
    shared = {"vocabularies": vocabularies, "label": "click"}
    mapped = FeatureSpec(fields, target_to_behavior={"item": "items"}, **shared)
    assert mapped.history_field == "items"
    assert FeatureSpec(fields, **shared).history_field == "kind"
    spec = FeatureSpec((*fields[:1], *fields[3:]), vocabularies[1:], label="click")
    with pytest.raises(SpecError, match=r"needs a categorical field.*Received: \['price'\]"):
        _ = spec.history_field


def test_a_ctr_batch_carries_every_field():
    spec = ctr_spec()
    assert spec.input_fields == spec.fields


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda spec: spec.field("color"), r"no field of this name; known are \['site', 'hour'\]"),
        (lambda spec: spec.vocabulary("hour"), "numeric field has no vocabulary. Received: 'hour'"),
        (lambda spec: spec.item_field, "maps no target field to a behaviour field. Received: {}"),
        (lambda spec: spec.with_role("user"), "A role must be one of profile.*Received: 'user'"),
    ],
)
def test_refuses_a_question(ask, message):
    with pytest.raises(SpecError, match=message):
        ask(ctr_spec())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "rating"}, "task must be one of ctr, next_item. Received: 'rating'"),
        ({"label": None}, "`label` must name a column for task 'ctr'. Received: label=None"),
        ({"label": "the label"}, "`label` must be a letter followed by.*Received: 'the label'"),
        ({"group": 5}, "`group` must be a letter followed by.*Received: 5"),
        ({"label": "site"}, "The label must not be a field.*Received: label='site'"),
        ({"group": "click"}, "must be two columns. Received: label='click', group='click'"),
        ({"max_length": 0}, "max_length must be an integer of at least 1. Received: 0"),
        ({"max_length": True}, "max_length must be an integer of at least 1. Received: True"),
        ({"fields": ()}, r"`fields` must hold at least one field. Received: fields=\(\)"),
        ({"fields": "site"}, "`fields` must be a list. Received: 'site'"),
        ({"fields": None}, "`fields` must be a list. Received: None"),
        ({"fields": ("site",)}, "must hold CategoricalField, MultiValuedField.*Received: 'site'"),
        ({"vocabularies": "site"}, "`vocabularies` must be a list. Received: 'site'"),
        ({"vocabularies": ("site",)}, "must hold Vocabulary objects only. Received: 'site'"),
        ({"vocabularies": ()}, r"'site'\] names a vocabulary that is not there; known are \[\]"),
        (
            {"vocabularies": (Vocabulary("site"), Vocabulary("site"))},
            "Vocabulary names must differ. Received twice: 'site'",
        ),
        (
            {"vocabularies": (Vocabulary("site"), Vocabulary("ad"))},
            r"No field uses vocabularies\['ad'\]",
        ),
        (
            {"fields": (CategoricalField("site"), NumericField("site"))},
            "Field names must differ. Received twice: 'site'",
        ),
        ({"target_to_behavior": ["site"]}, r"`target_to_behavior` must be an object.*\['site'\]"),
        (
            {"target_to_behavior": {"site": "past"}},
            "maps target fields to behaviour fields. Received: 'site', which is a profile field",
        ),
        (
            {"target_to_behavior": {"ad": "past"}},
            "maps target fields to behaviour fields. Received: 'ad', which is no field",
        ),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(SpecError, match=message):
        ctr_spec(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target_to_behavior": {}}, "Task 'next_item' needs `target_to_behavior`.*Received: {}"),
        (
            {"target_to_behavior": {"item_id": "age"}},
            "maps target fields to behaviour fields. Received: 'age', which is a profile field",
        ),
        (
            {"target_to_behavior": {"item_id": "history_genres"}},
            "one kind and share one vocabulary. Received: 'item_id' and 'history_genres'",
        ),
        (
            {"target_to_behavior": {"item_id": "hours"}},
            "one kind and share one vocabulary. Received: 'item_id' and 'hours'",
        ),
        (
            {"target_to_behavior": {"item_id": "history_item_id", "genres": "history_item_id"}},
            "behaviour field of its own. Received twice: 'history_item_id'",
        ),
        (
            {"target_to_behavior": {"genres": "history_genres"}},
            "item id of task 'next_item' must be a CategoricalField. Received: MultiValuedField",
        ),
        (
            {
                "vocabularies": (
                    Vocabulary("item_id", source="hash", size=3),
                    Vocabulary("genres"),
                    Vocabulary("age"),
                )
            },
            r"cannot be hashed.*Received: vocabularies\['item_id'\].source='hash'",
        ),
    ],
)
def test_next_item_refuses(arguments, message):
    with pytest.raises(SpecError, match=message):
        next_item_spec(**arguments)


def changed(path: tuple, value: object) -> dict:
    """The JSON object of a spec with one place changed; `...` takes the place away."""
    data = json.loads(next_item_spec().to_json())
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), 2, "reads FeatureSpecs of version 1. Received: version=2"),
        (("version",), "1", "reads FeatureSpecs of version 1. Received: version='1'"),
        (("version",), True, "reads FeatureSpecs of version 1. Received: version=True"),
        (("version",), ..., "reads FeatureSpecs of version 1. Received: version=None"),
        (("fields",), ..., r"A FeatureSpec lacks \['fields'\]"),
        (("fields",), "item_id", "`fields` must be a list. Received: 'item_id'"),
        (("fields",), {"a": 1}, "`fields` must be a list. Received: {'a': 1}"),
        (("fields",), None, "`fields` must be a list. Received: None"),
        (("vocabularies",), None, "`vocabularies` must be a list. Received: None"),
        (("color",), 1, r"A FeatureSpec has unknown keys; known are .*Received: \['color'\]"),
        (("fields", 0), "item_id", r"fields\[0\] must be an object whose `kind` is one of"),
        (("fields", 0, "kind"), "text", "categorical, multi_valued, numeric. Received: {'kind': "),
        (("fields", 0, "kind"), ["numeric"], "`kind` is one of categorical"),
        (("fields", 0, "size"), 3, r"fields\[0\] has unknown keys.*Received: \['size'\]"),
        (("fields", 1, "name"), ..., r"fields\[1\] lacks \['name'\]"),
        (("fields", 5, "normalization"), None, r"fields\[5\].normalization must be an object"),
        (
            ("fields", 5, "normalization", "high"),
            "5",
            r"fields\[5\].normalization is wrong: `high` must be a finite number.*'5'",
        ),
        (
            ("fields", 5, "normalization", "std"),
            1,
            r"fields\[5\].normalization has unknown keys.*Received: \['std'\]",
        ),
        (("vocabularies", 1), "genres", r"vocabularies\[1\] must be an object.*'genres'"),
        (("vocabularies", 1, "width"), 4, r"vocabularies\[1\] has unknown keys.*\['width'\]"),
        (("vocabularies", 1, "name"), ..., r"vocabularies\[1\] lacks \['name'\]"),
        (("vocabularies", 0, "values"), "abc", "values must be a list. Received: 'abc'"),
        (("target_to_behavior",), "item_id", "must be an object. Received: 'item_id'"),
        (("max_length",), "15", "max_length must be an integer of at least 1. Received: '15'"),
    ],
)
def test_refuses_json(path, value, message):
    with pytest.raises(SpecError, match=message):
        FeatureSpec.from_json(json.dumps(changed(path, value)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version": 1,', "A FeatureSpec must be JSON: .*Received: '{\"version\": 1,'"),
        ("", "A FeatureSpec must be JSON: .*Received: ''"),
        ("[]", r"A FeatureSpec must be an object. Received: \[\]"),
    ],
)
def test_refuses_text(text, message):
    with pytest.raises(SpecError, match=message):
        FeatureSpec.from_json(text)


@SPECS
def test_saves_and_loads(tmp_path, spec):
    spec.save(tmp_path / "new" / "folder")
    assert FeatureSpec.load(tmp_path / "new" / "folder") == spec


def long_spec(num_values: int) -> FeatureSpec:
    values = tuple(f"item {index}" for index in range(num_values))
    return ctr_spec(vocabularies=(Vocabulary("site", source="values", values=values),))


def test_long_vocabularies_are_saved_as_files(tmp_path):
    spec = long_spec(101)
    spec.save(tmp_path)
    loaded = FeatureSpec.load(tmp_path)
    assert loaded.vocabulary("site").source == "file"
    assert loaded.vocabulary("site").num_rows == 103
    assert loaded.vocabulary("site").read_values() == spec.vocabulary("site").values
    # Saved again elsewhere, the file goes along.
    loaded.save(tmp_path / "copy")
    (tmp_path / "vocabularies" / "site.txt").unlink()
    copied = FeatureSpec.load(tmp_path / "copy")
    assert copied.vocabulary("site").read_values() == spec.vocabulary("site").values
    assert json.loads((tmp_path / "copy" / "spec.json").read_text())["vocabularies"][0]["file"] == (
        "vocabularies/site.txt"
    )


def test_short_vocabularies_are_saved_inside(tmp_path):
    long_spec(100).save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["spec.json"]
    assert FeatureSpec.load(tmp_path) == long_spec(100)


def test_load_names_a_truncated_vocabulary(tmp_path):
    long_spec(200).save(tmp_path)
    file = tmp_path / "vocabularies" / "site.txt"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(SpecError, match=r"must have 200 lines.*Received: 199 lines in .*site.txt"):
        FeatureSpec.load(tmp_path).vocabulary("site").read_values()


def test_load_names_the_file_that_is_wrong(tmp_path):
    with pytest.raises(SpecError, match="holds no readable spec.json"):
        FeatureSpec.load(tmp_path)
    (tmp_path / "spec.json").write_bytes(b"\xff")
    with pytest.raises(SpecError, match="holds no readable spec.json"):
        FeatureSpec.load(tmp_path)
    (tmp_path / "spec.json").write_text("{")
    with pytest.raises(SpecError, match=r"spec.json: A FeatureSpec must be JSON"):
        FeatureSpec.load(tmp_path)
