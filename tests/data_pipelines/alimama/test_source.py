from __future__ import annotations

import pathlib

import numpy as np
import pytest

import data_pipelines
from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.models import amer
from data_pipelines import DataError
from data_pipelines.alimama import parse
from data_pipelines.alimama.alimama_dataset_builder import Builder
from tests.data_pipelines.tfds_harness import build

FIRST = parse.TRAIN_UNTIL - 100_000
STEP = 1_000
ROWS = 160


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Small tables in the published format; user 9 has no events, and none has a profile."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "raw_sample.csv").write_text(
        "user,time_stamp,adgroup_id,pid,nonclk,clk\n"
        + "".join(
            f"{row % 10},{FIRST + row * STEP},{row % 7},430548_100{row % 2},{row // 2 % 2},"
            f"{1 - row // 2 % 2}\n"
            for row in range(ROWS)
        )
    )
    (folder / "ad_feature.csv").write_text(
        "adgroup_id,cate_id,campaign_id,customer,brand,price\n"
        + "".join(f"{ad},{ad % 3},{ad},{ad},{ad if ad else 'NULL'},{10**ad}.0\n" for ad in range(7))
    )
    (folder / "user_profile.csv").write_text(
        "userid,cms_segid,cms_group_id,final_gender_code,age_level,pvalue_level,shopping_level,"
        "occupation,new_user_class_level \n"
        + "".join(f"{user},0,5,2,5,{user % 2 or ''},3,0,{user % 4}\n" for user in range(9))
    )
    (folder / "behavior_log.csv").write_text(
        "user,time_stamp,btag,cate,brand\n"
        + "".join(
            f"{row % 9},{FIRST + row * 10},pv,{row % 4},{row % 8}\n" for row in range(900, -1, -1)
        )
    )
    return folder


def test_published_format(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("alimama", folder, tmp_path / "data")
    # The cuts lie 100,000 and 128,800 seconds after the first row.
    sizes = [counts[f"{name}_examples"] for name in ("train", "validation", "test")]
    assert sizes == [100, 29, 31]
    data = data_pipelines.load(tmp_path / "data")
    [(inputs, *_)] = data.test.batches(31)
    # Row 129 is of user 9, row 130 of user 0, who has had a hundred events before.
    assert (inputs["history_cate_id"][0].numpy() == 0).all()
    assert inputs["cms_group_id"].numpy()[:2].tolist() == [1, 2]
    assert (inputs["history_cate_id"][1].numpy() > 0).sum() == 50
    categories = data.spec.vocabulary("cate_id").read_values()
    last = [row for row in range(901) if row % 9 == 0][-50:]
    found = [categories[number - 2] for number in inputs["history_cate_id"][1].numpy()]
    assert found == [str(row % 4) for row in last]
    # Nothing is known of the brand of advertisement 0.
    of_ad_0 = inputs["adgroup_id"].numpy() == 2 + data.spec.vocabulary(
        "adgroup_id"
    ).read_values().index("0")
    assert (inputs["brand"].numpy()[of_ad_0] == 1).all()
    price = inputs["price"].numpy()
    assert -1 <= price.min() < price.max() <= 1


def test_gaps_between_events(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    data_pipelines.prepare("alimama", folder, tmp_path / "data", history_gap=True)
    data = data_pipelines.load(tmp_path / "data")
    names = [field.name for field in data.spec.with_role("behavior")]
    assert names == ["history_cate_id", "history_brand", "history_gap"]
    # Each of nine users has an event every 90 seconds.
    normalization = data.spec.field("history_gap").normalization  # type: ignore[union-attr]
    assert (normalization.low + normalization.high) / 2 == pytest.approx(np.log1p(90))


def test_input_width_of_the_paper(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    data_pipelines.prepare("alimama", folder, tmp_path / "data")
    spec = data_pipelines.load(tmp_path / "data").spec
    fields = [field.name for field in spec if field.role != "behavior"]
    assert len(fields) == 15 + 1
    architecture = Architecture(
        interactions=tuple((fields[0], other) for other in fields[1:4] + fields[6:8]),
        mlp=(HiddenLayer("relu", units=8),),
    )
    model = amer.build(spec, architecture, embedding_dim=4)
    # 15 fields and 5 interactions of 4, the price, and thrice the 8 of category and brand.
    assert model.get_layer("amer.hidden_0").kernel.shape == (105, 8)


def test_a_share_of_the_users(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare("alimama", folder, tmp_path / "data", user_share=0.6, seed=1)
    assert 2 <= counts["users"] <= 8
    data = data_pipelines.load(tmp_path / "data")
    groups = np.concatenate([data.train.groups, data.validation.groups, data.test.groups])
    assert counts["rows"] == len(groups) == ROWS * counts["users"] // 10
    assert len(set(groups.tolist())) == counts["users"]
    assert counts["events"] < 901


def test_rows_are_numbered_as_in_the_file(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    text = (folder / "raw_sample.csv").read_text().splitlines()
    for row in range(50, 60):
        text[1 + row] = text[1 + row][:-1] + "2"
    (folder / "raw_sample.csv").write_text("\n".join(text) + "\n")
    with pytest.raises(DataError, match=r"column 'clk', row 5\d, is the label.*Received: '2'"):
        data_pipelines.prepare("alimama", folder, tmp_path / "data", user_share=0.6, seed=1)


@pytest.mark.parametrize("share", [0, 1.5, "half"])
def test_wrong_shares(folder: pathlib.Path, tmp_path: pathlib.Path, share: object) -> None:
    with pytest.raises(DataError, match="`user_share` must be more than 0 and at most 1"):
        data_pipelines.prepare("alimama", folder, tmp_path / "data", user_share=share)


def test_missing_files(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (folder / "behavior_log.csv").unlink()
    with pytest.raises(DataError, match="must hold behavior_log.csv"):
        data_pipelines.prepare("alimama", folder, tmp_path / "data")


def test_builder(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _, examples = build(Builder, tmp_path / "out", folder)
    assert len(examples) == ROWS
    assert examples[3] == {
        "user": 3,
        "time_stamp": FIRST + 3 * STEP,
        "adgroup_id": 3,
        "pid": b"430548_1001",
        "clk": 0,
    }
