"""The export folder appears whole or not at all, whatever stands or falls in its way."""

from __future__ import annotations

import json
import os
import pathlib
import resource
import subprocess
import sys
import textwrap

import pytest
import tensorflow as tf

from amer_tf.export import ExportError, export
from amer_tf.export.export_folder import is_exported, staged, version_folder
from tests.export import small_models


@pytest.fixture(scope="module")
def case():
    return small_models.int64s()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "model" / "1"


def write(target, digest="abc", content="content"):
    with staged(target, digest) as staging:
        (staging / "deep").mkdir()
        (staging / "deep" / "file.txt").write_text(content)


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_an_export_is_known_again(target):
    assert not is_exported(target, "abc")
    write(target)
    assert is_exported(target, "abc")
    assert (target / "deep" / "file.txt").read_text() == "content"
    assert names(target.parent) == ["1"]


def test_an_empty_folder_is_taken(target):
    target.mkdir(parents=True)
    assert not is_exported(target, "abc")
    write(target)
    assert is_exported(target, "abc")


def test_the_folder_can_be_read_by_others(target):
    # A model server runs as another user.
    mask = os.umask(0)
    os.umask(mask)
    write(target)
    assert target.stat().st_mode & 0o777 == 0o777 & ~mask


def test_what_stands_there_is_not_touched(case, target):
    write(target)
    with pytest.raises(ExportError, match="new, empty, or.*folder='.*1', which holds another"):
        is_exported(target, "another")
    for content in ("{}", "no JSON", '{"digest": "abc", "files": 3}', "[]"):
        (target / "export.json").write_text(content)
        with pytest.raises(ExportError, match="which holds something else"):
            is_exported(target, "abc")
    (target / "export.json").unlink()
    with pytest.raises(ExportError, match="must be new, empty, or hold this very export"):
        export(case.model, case.spec, case.architecture, target)
    assert names(target) == ["deep"]


def test_a_folder_of_versions_gets_the_next_number(target):
    base = target.parent
    assert version_folder(base, "abc") == base
    write(target)
    assert version_folder(base, "another") == base / "2"
    write(base / "9", "another")
    (base / "10.partial").mkdir()
    (base / "11").write_text("a file")
    (base / "²").mkdir()
    assert version_folder(base, "third") == base / "10"
    # The newest version is known again, an older one is not.
    assert version_folder(base, "another") == base / "9"
    assert version_folder(base, "abc") == base / "10"
    # A version that is another export stands for the folder that it is in.
    assert version_folder(target, "third") == base / "10"
    assert version_folder(target, "abc") == target
    # An export of another name is no folder of versions, nor is one without any.
    write(base / "shop")
    (base / "shop" / "7").mkdir()
    assert version_folder(base / "shop", "another") == base / "shop"
    assert version_folder(base / "10.partial", "abc") == base / "10.partial"


def test_versions_of_a_model_are_exported_one_after_another(case, target):
    base = target.parent
    assert export(case.model, case.spec, case.architecture, target) == target
    before = sorted((file, file.stat().st_mtime_ns) for file in target.rglob("*"))
    again = export(case.model, case.spec, case.architecture, base)
    assert again == target
    other = export(case.model, case.spec, case.architecture, base, top_k=3)
    assert other == base / "2"
    assert export(case.model, case.spec, case.architecture, base) == base / "3"
    assert sorted((file, file.stat().st_mtime_ns) for file in target.rglob("*")) == before
    assert sorted(names(base)) == ["1", "2", "3"]
    assert export(case.model, case.spec, case.architecture, base / "2", top_k=4) == base / "4"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_of_versions_that_cannot_be_read(case, target):
    target.mkdir(parents=True)
    target.parent.chmod(0o300)
    try:
        with pytest.raises(ExportError, match="cannot be read: .*Permission denied"):
            version_folder(target.parent, "abc")
    finally:
        target.parent.chmod(0o700)


def test_a_file_in_its_place(case, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ExportError, match="The export folder"):
        export(case.model, case.spec, case.architecture, file)
    with pytest.raises(ExportError, match="cannot be written: .*file.*Received: folder=.*file/1'"):
        export(case.model, case.spec, case.architecture, file / "1")
    assert file.read_text() == "mine"


def test_a_name_that_no_folder_can_have(case, tmp_path):
    with pytest.raises(ExportError, match="The export folder cannot be .*File name too long"):
        export(case.model, case.spec, case.architecture, tmp_path / ("1" * 300))


@pytest.mark.parametrize("harm", ["shorter", "other", "gone"])
def test_a_damaged_export_is_found_out(target, harm):
    write(target)
    file = target / "deep" / "file.txt"
    if harm == "gone":
        file.unlink()
    else:
        file.write_text("conten" if harm == "shorter" else "CONTENT")
    with pytest.raises(ExportError, match=r"but damaged: remove it.*\['deep/file.txt'\]"):
        is_exported(target, "abc")


def test_an_error_leaves_nothing(target):
    def fail():
        with staged(target, "abc") as staging:
            (staging / "file.txt").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(target.parent) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "No space left on device"),
    ],
)
def test_a_refusing_disk_is_one_message(target, error):
    message = "cannot be written: .*No space left.*Nothing was exported: free the disk"
    with pytest.raises(ExportError, match=message), staged(target, "abc"):
        raise error
    assert names(target.parent) == []


@pytest.mark.parametrize("kilobytes", [0, 8, 64])
def test_a_full_disk(case, target, kilobytes):
    # No file may grow beyond the limit, which C++ code meets as Python does.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, limits[1]))
    try:
        with pytest.raises(ExportError, match="cannot be written.*Received: folder='.*model/1'"):
            export(case.model, case.spec, case.architecture, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(target.parent) == []
    assert export(case.model, case.spec, case.architecture, target) == target


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder(case, target):
    target.parent.mkdir()
    target.parent.chmod(0o500)
    try:
        with pytest.raises(ExportError, match="cannot be written: .*Permission denied"):
            export(case.model, case.spec, case.architecture, target)
    finally:
        target.parent.chmod(0o700)


def test_another_export_that_still_writes_fails_as_a_whole(target):
    def write_slowly():
        with staged(target, "old") as staging:
            (staging / "file.txt").write_text("old")
            write(target)
            (staging / "second.txt").write_text("too late")

    with pytest.raises(ExportError, match="cannot be written"):
        write_slowly()
    assert is_exported(target, "abc")
    assert names(target.parent) == ["1"]


KILLED = """
    import os, signal, sys
    from amer_tf import files
    from amer_tf.export import export
    from tests.export import small_models
    from tensorflow.python.lib.io import file_io

    def die(*arguments, **options):
        os.kill(os.getpid(), signal.SIGKILL)

    case = small_models.int64s()
    place = {place}
    if place == "half saved":
        # What writes saved_model.pb, after the variables.
        file_io.atomic_write_string_to_file = die
    elif place == "saved":
        files.write_text = die
    else:
        os.fsync = die
    export(case.model, case.spec, case.architecture, {target})
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["half saved", "saved", "before the rename"])
def test_killed(case, target, place):
    code = textwrap.dedent(KILLED).format(place=repr(place), target=repr(str(target)))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=pathlib.Path(__file__).resolve().parents[2],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    (leftover,) = names(target.parent)
    assert leftover.startswith(".1.partial-")
    assert export(case.model, case.spec, case.architecture, target) == target
    assert names(target.parent) == ["1"]
    manifest = json.loads((target / "export.json").read_text())
    assert is_exported(target, manifest["digest"])
