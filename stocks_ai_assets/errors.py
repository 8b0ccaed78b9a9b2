"""Every error this package raises on purpose. A message names the object, the finding, the remedy.

* StocksAiError
  + SettingsError            a setting is missing, unknown or contradicts the lake
  + UsageError               a command was called with arguments that make no sense (exit code 2)
    - NotASessionError       a date on which the exchange is closed
    - UnknownSymbolError     a symbol the universe does not have
    - UnknownNameError       a table, agent, asset or plant that does not exist
  + CalendarEndError         the pinned exchange calendar runs out
  + ContractError            a frame of ours breaks its table's contract
  + SourceError              a source could not be read: missing folder, file, column, wrong type
  + LakeError                the lake could not be read or written
    - TableMissingError      the table was never written
    - LookbackMissingError   earlier partitions that a computation needs are not materialized
    - LakeVersionError       the lake was written by a newer version of this package
    - ConflictError          other writers kept winning; the bounded retry gave up
    - StorageError           the disk is full, read-only or locked
  + SparkError               Spark cannot be used: no Java, no jars, no session, a lost worker
  + WorkspaceError           a Databricks workspace cannot be reached, refuses, or lacks something
    - WorkspaceLoginError    no login, or one that is expired or unknown
    - WorkspaceDeniedError   the identity lacks a right
    - WorkspaceMissingError  a catalog, volume, cluster or other object is not there
    - WorkspaceUnreachableError  no answer, or too busy for too long
  + GovernanceError          a catalog could not be brought to what its policy says
    - PolicyError            a policy is malformed or names something that does not exist
  + LookAheadError           a result changed when only the future of its inputs changed
  + SharingError             a share, its recipients or its server cannot be opened or changed
    - RefusedError           a recipient's request asks for what it may not have or is malformed
"""


class StocksAiError(Exception):
    """Base class; caught only at the edges (CLI, Dagster run failure)."""


class SettingsError(StocksAiError):
    """A setting is missing, unknown, or contradicts what the lake was built with."""


class UsageError(StocksAiError):
    """A command's arguments make no sense; the CLI exits with 2."""


class NotASessionError(UsageError):
    """The exchange is closed on the given date."""


class UnknownSymbolError(UsageError):
    """The universe has no such symbol."""


class UnknownNameError(UsageError):
    """No table, agent, asset or plant has this name."""


class CalendarEndError(StocksAiError):
    """A date lies beyond the pinned end of the exchange calendar."""


class ContractError(StocksAiError):
    """A frame computed by this package breaks the contract of its table."""


class SourceError(StocksAiError):
    """A source could not be read. Never stands for "no data": that is an empty frame."""


class LakeError(StocksAiError):
    """The lake could not be read or written."""


class TableMissingError(LakeError):
    """The table was never written."""


class LookbackMissingError(LakeError):
    """Earlier partitions that a computation needs are not materialized."""


class LakeVersionError(LakeError):
    """The lake was written by a newer version of this package."""


class ConflictError(LakeError):
    """Other writers kept winning; the bounded retry gave up."""


class StorageError(LakeError):
    """The disk is full, read-only or locked."""


class SparkError(StocksAiError):
    """Spark cannot be started or reached, or lost work for good."""


class WorkspaceError(StocksAiError):
    """A Databricks workspace cannot be reached, refuses, lacks something, or lost a run."""


class WorkspaceLoginError(WorkspaceError):
    """There is no login to the workspace, or it is expired or unknown there."""


class WorkspaceDeniedError(WorkspaceError):
    """The identity lacks a right in the workspace."""


class WorkspaceMissingError(WorkspaceError):
    """The workspace has no such catalog, volume, cluster or other object."""


class WorkspaceUnreachableError(WorkspaceError):
    """The workspace gave no answer, or stayed too busy for one."""


class GovernanceError(StocksAiError):
    """A catalog could not be brought to what its policy says."""


class PolicyError(GovernanceError):
    """A policy is malformed, or names something that does not exist."""


class LookAheadError(StocksAiError):
    """A result changed although only the future of its inputs changed."""


class SharingError(StocksAiError):
    """A share, its recipients or its server cannot be opened or changed."""


class RefusedError(SharingError):
    """A recipient's request was refused; the protocol's status and error code go with it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def error_named(name: str, words: str) -> StocksAiError | None:
    """Return the error of this name as another process raised it; None: it is none of these.

    A `RefusedError` takes more than words, and is no answer of a process.
    """
    kind = globals().get(name)
    if isinstance(kind, type) and issubclass(kind, StocksAiError) and kind is not RefusedError:
        return kind(words)
    return None
