"""What the workspace does wrong on request: one object, also set by `POST /test/misbehave`."""

from dataclasses import asdict, dataclass, fields

from stocks_ai_assets_tests.workspace.errors import invalid

RESULT_STATES = (
    "SUCCESS",
    "FAILED",
    "TIMEDOUT",
    "CANCELED",
    "MAXIMUM_CONCURRENT_RUNS_REACHED",
    "SUCCESS_WITH_FAILURES",
    "UPSTREAM_FAILED",
    "UPSTREAM_CANCELED",
    "EXCLUDED",
    "DISABLED",
)
"""Every value of the SDK's `RunResultState`."""


@dataclass
class Misbehaviour:
    """Faults of the workspace; the defaults are a workspace that works.

    Attributes
    ----------
    no_dbfs
        No DBFS root, as in new workspaces: the API refuses and runs see no `/dbfs`.
    slow_start_seconds
        Seconds that a run or a cluster stays PENDING.
    too_many_requests, retry_after_seconds
        So many next requests are answered by 429 and this Retry-After.
    server_errors
        So many next requests are answered by 500; `unavailable` by 503.
    end_runs_as
        Result state of next runs, whatever their work did; the work still runs.
    lose_cluster_after_seconds
        The cluster of each task dies after so many seconds of running.
    lose_messages
        Files whose path contains this text are accepted, then lost.
    version_skew
        (package, version): what the environment of next runs claims to have installed.
    before_call
        (function, Python): what the work of next runs does before each call of one of its
        functions, `module:function` or `module:Class.method`: print, stand still, die.
    """

    no_dbfs: bool = False
    slow_start_seconds: float = 0
    too_many_requests: int = 0
    retry_after_seconds: int = 1
    server_errors: int = 0
    unavailable: int = 0
    end_runs_as: str | None = None
    lose_cluster_after_seconds: float | None = None
    lose_messages: str | None = None
    version_skew: tuple[str, str] | None = None
    before_call: tuple[str, str] | None = None

    def change(self, **changed) -> None:
        """Set some faults; unknown names and states are refused."""
        names = {field.name for field in fields(self)}
        for name, value in changed.items():
            if name not in names:
                raise invalid(f"no fault is called {name!r}; there are {', '.join(sorted(names))}")
            if name == "end_runs_as" and value not in (None, *RESULT_STATES):
                raise invalid(f"no result state is called {value!r}")
            setattr(self, name, value)

    def reset(self) -> None:
        """Work well again."""
        self.change(**asdict(Misbehaviour()))
