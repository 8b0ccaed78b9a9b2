"""Pipes when something fails: between a run and here nothing is lost, and the cause is named."""

import logging
import threading
import time

import pytest

from stocks_ai_assets.databricks.pipes_files import MessageFiles, vanishing_folder
from stocks_ai_assets.databricks.pipes_messages import END_OF_FILE
from stocks_ai_assets.errors import WorkspaceError
from stocks_ai_assets_tests.databricks.piping import FolderStaging, failure_of, materialized

pytestmark = pytest.mark.cluster


def test_what_was_written_before_a_failure_is_recorded_and_stays(piped, instance):
    breaking = (
        "from stocks_ai_assets.assets import facts\n"
        "read = facts.read_facts\n"
        "def fails(node, *rest):\n"
        "    if node.name == 'market/prices':\n"
        "        raise ZeroDivisionError('of the code')\n"
        "    return read(node, *rest)\n"
        "facts.read_facts = fails"
    )
    result, _ = piped[1](instance, before=breaking)
    assert not result.success
    assert materialized(result) == {"market/earnings"}
    assert "ZeroDivisionError: of the code" in failure_of(result).message


def test_a_run_that_was_lost_and_tried_again_counts_what_it_wrote_once(piped, instance):
    result, written = piped[1](instance, names=("market/prices",), lost=1)
    assert result.success
    ((name, changed),) = [(report.name, report.changed) for report in written]
    assert (name, changed) == ("market/prices", True)


def test_a_lost_report_of_rows_is_noticed_though_everything_else_arrived(piped, instance):
    losing = (
        "from stocks_ai_assets.databricks import pipes_channel\n"
        "real = pipes_channel.PatientChannel.write_message\n"
        "def write(self, message):\n"
        "    if 'written' not in str((message['params'] or {}).get('payload', {}).keys()):\n"
        "        real(self, message)\n"
        "pipes_channel.PatientChannel.write_message = write"
    )
    result, written = piped[1](instance, names=("market/prices",), before=losing)
    assert written == []
    assert not result.success
    assert "the rows of market/prices were lost" in failure_of(result).message


@pytest.mark.parametrize("begun", [0, 0.5])
def test_messages_that_the_volume_refuses_for_a_while_arrive(piped, instance, begun):
    refusing = (
        "import time\n"
        "from pathlib import Path\n"
        "from stocks_ai_assets.databricks import pipes_channel as p\n"
        "real, tried = p.PatientChannel.upload_messages_chunk, set()\n"
        "def upload(self, payload, index):\n"
        "    if index not in tried:\n"
        "        tried.add(index)\n"
        "        text = payload.read()\n"
        f"        begun = text[: int(len(text) * {begun})]\n"
        "        Path(self._path, f'{index}.json').write_text(begun)\n"
        "        time.sleep(1.5)  # the reader looks\n"
        "        raise OSError(28, 'No space left on device')\n"
        "    real(self, payload, index)\n"
        "p.PatientChannel.upload_messages_chunk = upload"
    )
    result, written = piped[1](instance, names=("market/prices",), before=refusing)
    assert result.success
    assert materialized(result) == {"market/prices"}
    assert [report.name for report in written] == ["market/prices"]


def test_a_file_that_is_cut_between_two_messages_is_not_taken_for_whole(tmp_path):
    folder = tmp_path / "messages"
    folder.mkdir()
    reader = MessageFiles(FolderStaging(tmp_path), log=None, interval=0)
    whole = '{"n": 1}\n{"n": 2}' + END_OF_FILE
    for length in range(len(whole)):
        (folder / "1.json").write_text(whole[:length])
        assert reader.download_messages(None, {"path": str(folder)}) is None
    (folder / "1.json").write_text(whole)
    assert reader.download_messages(None, {"path": str(folder)}) == (2, whole)


def test_a_volume_that_refuses_messages_for_good_is_named_with_its_cause(piped, instance):
    refusing = (
        "from stocks_ai_assets.databricks import pipes_channel as p\n"
        "p.PAUSES = (0.1,)\n"
        "def upload(self, payload, index):\n"
        "    raise OSError(28, 'No space left on device')\n"
        "p.PatientChannel.upload_messages_chunk = upload"
    )
    result, _ = piped[1](instance, names=("market/prices",), before=refusing)
    assert not result.success
    assert "No space left on device" in failure_of(result).message
    assert "volume writable again" in failure_of(result).message


@pytest.mark.parametrize(
    ("fails", "said"),
    [("raise TypeError('of the code')", "of the code"), ("time.sleep(3)", "gave no answer")],
)
def test_messages_that_are_lost_for_another_reason_end_the_run_with_it(
    tmp_path, monkeypatch, fails, said
):
    from stocks_ai_assets.databricks.pipes_channel import PatientChannel, PatientWriter

    def upload(*_):
        exec(fails)  # noqa: S102  # of the parameters

    monkeypatch.setattr(PatientChannel, "upload_messages_chunk", upload)
    monkeypatch.setattr(threading.Thread, "join", lambda *_, **__: time.sleep(0.7))
    message = {"method": "log", "params": {}}

    def write():
        with PatientWriter().open({"path": str(tmp_path)}) as channel:
            channel.write_message(message)

    with pytest.raises(WorkspaceError, match=said):
        write()


def test_a_folder_that_cannot_be_removed_is_told_and_fails_nothing(piped, instance):
    denied = OSError("denied, token=abcdef123")
    result, written = piped[1](instance, names=("market/prices",), refuses=denied)
    assert result.success
    assert materialized(result) == {"market/prices"}
    assert [report.name for report in written] == ["market/prices"]
    said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    (context, messages) = [words for words in said if "could not be removed: denied" in words]
    assert context != messages
    assert not [words for words in said if "abcdef123" in words]


def test_a_folder_that_cannot_be_removed_does_not_hide_an_interrupt(tmp_path, caplog):
    staging = FolderStaging(tmp_path)
    staging.refuses = OSError("denied")
    log = logging.getLogger("pipes-test")
    with pytest.raises(KeyboardInterrupt), vanishing_folder(staging, log):
        raise KeyboardInterrupt
    assert "could not be removed: denied" in caplog.text


def test_a_raw_error_there_shows_no_secret_here_or_in_what_the_run_printed(piped, instance):
    breaking = (
        "from stocks_ai_assets.assets import facts\n"
        "def fails(*_):\n"
        "    raise ZeroDivisionError('session: token=abcdef123') from OSError('Bearer hidden1')\n"
        "facts.read_facts = fails"
    )
    result, _ = piped[1](instance, names=("market/prices",), before=breaking)
    assert "ZeroDivisionError: session: token=***" in failure_of(result).message
    said = [entry.to_json() for entry in instance.all_logs(result.run_id)]
    assert not [line for line in said if "abcdef123" in line or "hidden1" in line]


def test_other_libraries_than_here_are_refused_before_anything_is_written(piped, instance):
    deployment, execute = piped
    other = (
        "import importlib.metadata as m\n"
        "known = m.version\n"
        "m.version = lambda name: '2.0.0' if name == 'polars' else known(name)"
    )
    result, _ = execute(instance, before=other)
    assert not result.success
    assert "polars 2.0.0 instead of" in failure_of(result).message
    assert deployment.lake.tables() == ()
