"""The remote side of a step: what it reports arrives whole, and no secret stands in it."""

import gzip
import json
import sys
import zipfile
from types import SimpleNamespace

import pytest

from stocks_ai_assets.assets.failures import readable_failures
from stocks_ai_assets.databricks import step_main
from stocks_ai_assets.databricks.events import RemoteEvents, cleaned
from stocks_ai_assets.databricks.printed import Failure, printed
from stocks_ai_assets.errors import LakeError, WorkspaceError

SECRET = "s3cr3t-of-the-lake"  # noqa: S105  # made up


@pytest.fixture
def refusing(monkeypatch):
    """Let the place of the files refuse a number of writes of files that are named so."""
    monkeypatch.setattr(step_main, "SECONDS_BETWEEN_EVENTS", 0.02)
    monkeypatch.setattr(step_main, "PAUSES", (0.01, 0.01))
    write = step_main._write

    def refuse(times, named="_events_"):
        left = [times]

        def refuse_first(file, content):
            if named in file.name and left[0] > 0:
                left[0] -= 1
                raise OSError(28, "No space left on device")
            write(file, content)

        monkeypatch.setattr(step_main, "_write", refuse_first)

    return refuse


def parts(folder):
    """Events of each part, in the order of the parts."""
    files = sorted(folder.glob("0_events_*.gz"), key=lambda file: int(file.stem.split("_")[-1]))
    return [json.loads(gzip.decompress(file.read_bytes())) for file in files]


def send(folder, count=5):
    with step_main.Sender(folder, 0) as sender:
        for number in range(count):
            sender.events.put(number)
            while sender.events.qsize():
                pass


@pytest.mark.parametrize("times", [0, 1, 2])
def test_events_that_are_refused_are_sent_later_whole_and_in_their_order(tmp_path, refusing, times):
    refusing(times)
    send(tmp_path)
    assert [event for part in parts(tmp_path) for event in part] == [0, 1, 2, 3, 4]


def test_a_place_that_refuses_for_good_is_named_with_its_cause(tmp_path, refusing):
    refusing(1000)
    with pytest.raises(step_main.EventsUnsentError, match=r"OSError \(No space left on device\)"):
        send(tmp_path)


class Files:
    """A folder of this machine, read as staging."""

    def __init__(self, folder):
        self.folder = folder

    def read(self, path):
        file = self.folder / path
        return file.read_bytes() if file.is_file() else None


def test_a_reader_that_saw_a_part_which_was_said_to_be_refused_misses_nothing(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(step_main, "SECONDS_BETWEEN_EVENTS", 0.02)
    write, seen, reader = step_main._write, [], RemoteEvents(Files(tmp_path), "0")

    def written_and_refused(file, content):
        write(file, content)
        if file.name == "0_events_0.gz" and not seen:
            seen.extend(reader.new())
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(step_main, "_write", written_and_refused)
    send(tmp_path)
    assert [*seen, *reader.new()] == [0, 1, 2, 3, 4]


@pytest.fixture
def ordered(tmp_path, environment):
    """Stage a step whose definitions fail with these words; run it; return what it left."""
    environment.setenv("LAKE_KEY", "")

    def run(words, versions=None, code="raise RuntimeError({!r})"):
        sys.modules.pop("failing_definitions", None)
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as packed:
            packed.writestr("failing_definitions.py", code.format(words))
        order = {
            "attempt": 0,
            "definitions": "failing_definitions",
            "versions": versions or {},
            "lake": "s3://bucket/lake",
            "variables": {},
            "secrets": [{"name": "LAKE_KEY", "scope": "lakes", "key": "key"}],
        }
        (tmp_path / "order.json").write_text(json.dumps(order))
        secrets = SimpleNamespace(get=lambda scope, key: f"{SECRET}" if scope and key else "")
        with pytest.raises(step_main.StepFailedError) as raised:
            step_main.main(tmp_path, secrets)
        left = {file.name: file.read_text() for file in tmp_path.glob("0_*.json")}
        return raised.value, left

    return run


def test_what_a_failed_step_leaves_and_raises_shows_no_secret(ordered, capsys):
    error, left = ordered(f"refused {SECRET} and token=abcdef123 of ann")
    assert json.loads(left["0_failure.json"]) == {
        "error": "RuntimeError",
        "message": "refused *** and token=*** of ann",
    }
    assert "RuntimeError" in json.loads(left["0_output.json"])["stderr"]
    everything = "".join([*left.values(), str(error), *capsys.readouterr()])
    assert SECRET not in everything
    assert "abcdef123" not in everything
    assert error.__suppress_context__


def test_what_a_resource_could_not_open_is_named_without_what_dagster_says_of_it(ordered):
    code = (
        "from dagster._core.errors import DagsterResourceFunctionError as Opening\n"
        "from stocks_ai_assets.errors import SparkError\n"
        "cause = SparkError({!r})\n"
        "told = {{'user_exception': cause, 'original_exc_info': (SparkError, cause, None)}}\n"
        "raise Opening('resource engine', **told)"
    )
    error, left = ordered("no such catalog", code=code)
    assert json.loads(left["0_failure.json"]) == {
        "error": "SparkError",
        "message": "no such catalog",
    }
    assert str(error) == "SparkError: no such catalog"


def test_a_failure_that_cannot_be_written_still_ends_the_run_with_its_cause(ordered, refusing):
    refusing(1000, named=".json")
    error, left = ordered("the true cause")
    assert left == {}
    assert str(error) == "RuntimeError: the true cause"


def test_printed_text_keeps_its_lines_and_hides_what_looks_like_a_secret_or_is_one():
    text = f"Traceback:\n  password=hunter2 x\n\n    in {SECRET}"
    assert printed(text, [SECRET]) == "Traceback:\n  password=*** x\n\n    in ***"
    assert printed("a 1 b", ["1"]) == "a 1 b"  # too short to be told from text


def test_errors_of_ours_stay_whole_and_others_are_named_and_cleaned():
    long = "x" * 400
    ours = Failure.of(LakeError(f"{long} {SECRET}"), [SECRET])
    assert (ours.name, ours.words) == ("LakeError", f"{long} ***")
    assert isinstance(ours.error, LakeError)
    other = Failure.of(OSError("Bearer abcdef"), [])
    assert (other.name, other.words) == ("OSError", "Bearer ***")
    assert isinstance(other.error, WorkspaceError)
    assert str(other.error) == "OSError: Bearer ***"


def events_of(node):
    """What Dagster records of the step when a job of one node runs."""
    import dagster as dg

    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.GraphDefinition(name="one", node_defs=[node]).to_job(
            resource_defs={"lake": dg.ResourceDefinition(_unopened)}
        )
        run_id = job.execute_in_process(instance=instance, raise_on_error=False).run_id
        entries = [one.event_log_entry for one in instance.get_records_for_run(run_id).records]
    return [entry for entry in entries if entry.step_key]


def _unopened(_):
    raise RuntimeError(f"password=hunter2 {SECRET}")


@pytest.mark.parametrize("fails", ["raw", "ours", "resource"])
def test_no_event_of_a_step_shows_a_secret(fails):
    import dagster as dg

    @dg.op(required_resource_keys={"lake"} if fails == "resource" else set())
    def failing(_):
        if fails == "raw":
            cause = ValueError(f"token=abcdef123 {SECRET}")
            raise RuntimeError("session not opened: password=hunter2") from cause
        with readable_failures():
            raise LakeError(f"the lake refuses {SECRET}. Correct it.")

    entries = events_of(failing)
    text = "".join(cleaned(entry, [SECRET]).to_json() for entry in entries)
    assert SECRET in "".join(entry.to_json() for entry in entries)
    for secret in (SECRET, "abcdef123", "hunter2"):
        assert secret not in text
    expected = {
        "raw": "session not opened: password=***",
        "ours": "LakeError: the lake refuses ***. Correct it.",
    }
    assert expected.get(fails, "password=*** ***") in text


def test_a_secret_that_begins_another_one_leaves_nothing_of_it(ordered, environment):
    environment.setattr(step_main, "_values", lambda _: [SECRET[:6], SECRET])
    error, left = ordered(f"refused {SECRET}")
    assert SECRET[6:] not in "".join([*left.values(), str(error)])
