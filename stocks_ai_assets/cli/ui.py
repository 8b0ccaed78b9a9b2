"""`ui`: Dagster's web UI and daemon on this deployment's lake."""

import os
import sys
from typing import Annotated

import typer

from stocks_ai_assets.cli.opening import deployment
from stocks_ai_assets.errors import UsageError


def ui(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 3000,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Start Dagster's web UI and daemon on this lake; stop them with Ctrl-C."""
    from importlib.util import find_spec

    from stocks_ai_assets.instance import process_environment, write_configuration

    if find_spec("dagster_webserver") is None:
        raise UsageError("The web UI is not installed. Run: pip install 'stocks-ai-assets[ui]'.")
    opened = deployment()
    write_configuration(opened.settings)
    typer.echo(f"Web UI: http://{host}:{port}")
    command = [sys.executable, "-m", "dagster", "dev", "--host", host, "--port", str(port)]
    sys.stdout.flush()
    # In place of this process, so that a signal ends the services and not only their starter.
    os.execve(  # noqa: S606  # our own interpreter and arguments
        sys.executable,
        [*command, "-m", "stocks_ai_assets.definitions"],
        process_environment(opened.settings),
    )
