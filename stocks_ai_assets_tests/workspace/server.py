"""Start and stop a workspace that listens on loopback."""

import socket
import threading
import time
from pathlib import Path

from stocks_ai_assets_tests.workspace.state import Workspace
from stocks_ai_assets_tests.workspace.states import ENDED


class Running:
    """A workspace that answers at `url`; `token` is an admin's. Use it as a context manager."""

    def __init__(self, workspace: Workspace, server, thread, *, url: str):
        self.workspace, self.url, self.token = workspace, url, workspace.token
        self._server, self._thread = server, thread

    def client(self, token: str | None = None):
        """Databricks SDK client of the admin, or of the token's owner."""
        from databricks.sdk import WorkspaceClient

        return WorkspaceClient(host=self.url, token=token or self.token, auth_type="pat")

    def write(self, remote: str, content: str | bytes) -> str:
        """Put a file into the workspace without asking it; return its remote path."""
        path = self.workspace.path(remote)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return remote

    def ended(self, run_id: int, *, seconds: float = 60):
        """Return the SDK's view of a run after its end."""
        client, deadline = self.client(), time.monotonic() + seconds
        while time.monotonic() < deadline:
            run = client.jobs.get_run(run_id)
            if run.state.life_cycle_state.value in ENDED:
                return run
            time.sleep(0.02)
        raise TimeoutError(f"run {run_id} is {run.state.life_cycle_state} after {seconds} s")

    def stop(self) -> None:
        """End all runs and clusters, then the server."""
        self.workspace.compute.stop()
        self._server.should_exit = True
        self._thread.join(10)
        self.workspace.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def start(folder: Path, *, port: int = 0, **given) -> Running:
    """Serve a workspace from a thread of this process; `given` goes to `Workspace`."""
    import uvicorn

    from stocks_ai_assets_tests.workspace.app import build_app
    from stocks_ai_assets_tests.workspace.compute import Compute

    workspace = Workspace(folder, **given)
    listening = socket.create_server(("127.0.0.1", port))
    workspace.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    workspace.compute = Compute(workspace)
    config = uvicorn.Config(
        build_app(workspace),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("the workspace does not answer after 10 s")
        time.sleep(0.01)
    return Running(workspace, server, thread, url=workspace.url)
