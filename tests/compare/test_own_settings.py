"""Variants of systems, and what single systems have of their own."""

from __future__ import annotations

import dataclasses

import pytest

from amer_tf.compare import Candidates, Comparison, own_settings
from amer_tf.compare.systems import System, choose, references
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.reference_run import known_options
from amer_tf.search.result import SearchResult
from amer_tf.search.searcher import PROGRAMS
from amer_tf.search.settings import Settings
from tests.models.ctr_contract import HYBRID, SPEC
from tests.search import nets, small_ctr_run, small_run

TABLE = small_ctr_run.SETTINGS.replace(final_epochs=1, num_mlps=4)


def test_a_system_stands_there_again_with_a_label():
    plain, small, found = choose(["dcn", "dcn@small", "amer@sum"], SPEC)
    assert [plain.name, small.name, found.name] == ["dcn", "dcn@small", "amer-23@sum"]
    assert plain.kind == small.kind == "dcn"
    assert found.is_searched
    with pytest.raises(ValueError, match="different ones.*dcn@small twice"):
        choose(["dcn@small", "dcn@small"], SPEC)
    with pytest.raises(ValueError, match="label .* letters, digits.*'dcn@'"):
        choose(["dcn@"], SPEC)
    with pytest.raises(ValueError, match="label .* letters, digits.*'dcn@a/b'"):
        choose(["dcn@a/b"], SPEC)
    with pytest.raises(ValueError, match=r"leave them out: din@2: no target"):
        choose(["din@2"], SPEC)


def test_names_of_the_field():
    spec = nets.next_item_spec()
    assert [system.name for system in choose(["sasrec", "pop"], spec)] == [
        "transformer",
        "popularity",
    ]
    with pytest.raises(ValueError, match="transformer twice"):
        choose(["sasrec", "transformer"], spec)


def divide(name: str, task: str = "ctr", **values):
    settings = CtrSettings() if task == "ctr" else Settings()
    steps = ("mlp",) if name.startswith("amer") else ()
    return own_settings.divide(System(name, steps), task, settings, values)


def test_settings_and_options_are_told_apart():
    assert divide("dcn@deep", num_crosses=6, dropout=0.2) == ({"dropout": 0.2}, {"num_crosses": 6})
    assert divide("amer-3", shortcut="sum") == ({"shortcut": "sum"}, {})
    # Both a setting and an option: the system's own.
    assert divide("gru4rec", "next_item", num_negatives=64).options == {"num_negatives": 64}
    with pytest.raises(ValueError, match=r"options of its own: num_crosses; .*dcn\.cin_sizes"):
        divide("dcn", cin_sizes=(3,))
    with pytest.raises(ValueError, match=r"amer-3 has no setting of this name; settings of all"):
        divide("amer-3", num_crosses=3)
    with pytest.raises(ValueError, match=r"dropout` must be a number in \[0, 1\)"):
        divide("dcn", dropout=3.0)
    with pytest.raises(ValueError, match="`training` of bert4rec must be one of cut, cloze"):
        divide("bert4rec", "next_item", training="every_position")


@pytest.mark.parametrize(
    ("name", "task", "option", "message"),
    [
        ("dcn", "ctr", {"num_crosses": 0}, "`num_crosses` of dcn must be a whole number of at lea"),
        ("dcnv2@none", "ctr", {"num_crosses": 0}, "of dcnv2@none must be .*num_crosses=0"),
        ("afm", "ctr", {"attention_units": 1.5}, "a whole number of at least 1.*=1.5"),
        ("xdeepfm", "ctr", {"cin_sizes": ()}, r"one or more whole numbers of at least 1.*=\(\)"),
        ("xdeepfm", "ctr", {"cin_sizes": (3, 0)}, r"whole numbers of at least 1.*\(3, 0\)"),
        ("nfm", "ctr", {"batch_normalization": 1}, "must be true or false.*=1"),
        ("dien", "ctr", {"auxiliary_weight": -1.0}, r"a number of at least 0.*=-1\.0"),
        ("dsin", "ctr", {"num_heads": 0}, "a whole number of at least 1.*num_heads=0"),
        ("dsin", "ctr", {"gap_field": 3}, "must be a name.*gap_field=3"),
        ("gru4rec", "next_item", {"num_layers": 0}, "of gru4rec must be a whole .*num_layers=0"),
        ("gru4rec", "next_item", {"num_negatives": 0}, "of gru4rec must .*num_negatives=0"),
        ("narm", "next_item", {"units": 0}, "a whole number of at least 1.*units=0"),
        ("transformer", "next_item", {"num_blocks": 0}, "of transformer must .*num_blocks=0"),
        ("nextitnet", "next_item", {"dilations": (1, 0)}, r"dilations=\(1, 0\)"),
        ("bert4rec", "next_item", {"mask_rate": 1.0}, r"a number in \[0, 1\).*mask_rate=1\.0"),
    ],
)
def test_options_without_which_it_is_no_such_system(name, task, option, message):
    with pytest.raises(ValueError, match=message):
        divide(name, task, **option)


@pytest.mark.parametrize("task", ["ctr", "next_item"])
def test_every_default_of_an_option_is_a_value_of_it(task):
    for name in references(task):
        options = {**known_options(task, name)}
        options.pop("training", None)
        assert divide(name, task, **options).options == options


@pytest.mark.parametrize(
    ("name", "task", "setting", "text", "value"),
    [
        ("xdeepfm", "ctr", "cin_sizes", "256,128", (256, 128)),
        ("dcn@deep", "ctr", "num_crosses", "6", 6),
        ("dsin", "ctr", "gap_field", "history_gap", "history_gap"),
        ("dien", "ctr", "auxiliary_weight", "0.5", 0.5),
        ("dnn", "ctr", "learning_rate", "1e-3", 1e-3),
        ("narm", "next_item", "local_steps", "5", 5),
        ("narm", "next_item", "units", "64", 64),
        ("gru4rec", "next_item", "training", "every_position", "every_position"),
        ("stamp", "next_item", "num_negatives", "100", 100),
    ],
)
def test_values_as_text(name, task, setting, text, value):
    settings = CtrSettings() if task == "ctr" else Settings()
    found = own_settings.parse(System(name), task, settings, {setting: text})
    assert found == {setting: value}


def test_a_text_that_is_no_value():
    with pytest.raises(ValueError, match="`num_crosses` must be a whole number.*'many'"):
        own_settings.parse(System("dcn"), "ctr", CtrSettings(), {"num_crosses": "many"})


def compare(load, folder, names, settings, **options):
    options = {"seeds": (0,), "workers": 0, **options}
    return Comparison(load, folder, names, settings=settings, **options).work()


@pytest.mark.usefixtures("quick_search", "no_latency")
def test_variants_are_trained_with_their_own_settings(load_table, tmp_path):
    names = ["dcn", "dcn@deep", "lr"]
    own = {"dcn@deep": {"num_crosses": 6, "embedding_dim": 8}}
    result = compare(load_table, tmp_path, names, TABLE, own=own)
    parameters = {system.name: system.mean("parameters") for system in result.systems}
    assert parameters["dcn@deep"] > 1.5 * parameters["dcn"]
    assert {system.label for system in result.systems} == {"DCN", "DCN (deep)", "LR"}
    assert result.config["own"] == own
    again = compare(load_table, tmp_path, names, TABLE, own=own)
    assert again.records == result.records
    with pytest.raises(ValueError, match=r"must be of one that is compared: dcn, dcn@deep, lr.*fm"):
        compare(load_table, tmp_path, names, TABLE, own={"fm": {"l2": 0.1}})


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search", "no_latency")
def test_ways_to_combine_interactions(load_table, tmp_path):
    """Table 3 of the paper."""
    own = {
        "amer-2@mlp": {"shortcut": "none"},
        "amer-2@fm": {"shortcut": "sum", "interactions_in_mlp": "no"},
        "amer-2@both": {"shortcut": "sum"},
        "amer-2": {},
    }
    result = compare(load_table, tmp_path, list(own), TABLE, own=own)
    assert not any(system.failures for system in result.systems)
    for name, settings in own.items():
        found = SearchResult.load(tmp_path / name / "seed_0").architecture
        assert found.shortcut == settings.get("shortcut", "squeeze_excitation")
        assert found.interactions_in_mlp == ("interactions_in_mlp" not in settings)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search", "no_latency")
def test_trainings_of_one_network(tmp_path_factory, tmp_path):
    data = small_run.prepare(tmp_path_factory.mktemp("with_ids"), user_id_field=True)
    own = {
        "gru4rec@every": {"training": "every_position"},
        "bert4rec@cloze": {"training": "cloze", "num_blocks": 1},
        "bert4rec": {},
        "bpr": {"num_negatives": 2},
        "caser": {"num_latest": 3},
    }
    few = Candidates(num_negatives=10)
    result = compare(lambda: data, tmp_path, list(own), small_run.SETTINGS, own=own, candidates=few)
    assert not any(system.failures for system in result.systems)
    assert {system.label for system in result.systems} >= {"GRU4Rec+ (every)", "BERT4Rec (cloze)"}


def test_heads_of_one_system():
    """Three behaviour fields of 5 units can be dealt out to 5 heads, and not to 4."""
    check = PROGRAMS["ctr"].check
    settings = CtrSettings(embedding_dim=5, references=("dsin",))
    spec = dataclasses.replace(HYBRID, fields=HYBRID.fields[:-1])
    assert len(spec.with_role("behavior")) == 3
    with pytest.raises(ValueError, match="'dsin' cannot be built: .* multiple of 4, for attention"):
        check(spec, settings, ())
    check(spec, settings, (), {"num_heads": 5})
    spec = nets.next_item_spec()
    with pytest.raises(ValueError, match="must be a multiple of 3, for attention"):
        PROGRAMS["next_item"].check(spec, Settings(embedding_dim=8), (), {"num_heads": 3})


def test_true_and_false_as_text():
    found = own_settings.parse(System("nfm"), "ctr", CtrSettings(), {"batch_normalization": "true"})
    assert found == {"batch_normalization": True}
    with pytest.raises(ValueError, match="`batch_normalization` must be true or false.*'yes'"):
        own_settings.parse(System("nfm"), "ctr", CtrSettings(), {"batch_normalization": "yes"})
