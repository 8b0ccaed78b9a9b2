"""The server process: checks how it is opened to the network, then listens until it is stopped."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from stocks_ai_assets.errors import SharingError, UsageError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.sharing.app import Handler, build_app
from stocks_ai_assets.sharing.audit import AuditLog
from stocks_ai_assets.sharing.recipients import Recipients
from stocks_ai_assets.sharing.service import SharingService
from stocks_ai_assets.sharing.shares import Shares

PORT = 8797


@dataclass(frozen=True, kw_only=True, slots=True)
class Listening:
    """How the server is reached.

    Parameters
    ----------
    host, port
        Where it listens; port 0: one that is free.
    certificate, private_key
        Files of its TLS certificate; None: no TLS.
    behind_proxy
        Whether a proxy in front of it ends TLS; then `public_url` is the proxy's.
    public_url
        URL of the protocol's root for recipients; None: as they call it.
    link_lifetime
        How long file URLs last.
    cache_bytes
        Bytes of copied files kept.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    certificate: Path | None = None
    private_key: Path | None = None
    behind_proxy: bool = False
    public_url: str | None = None
    link_lifetime: timedelta = timedelta(hours=1)
    cache_bytes: int = 10 * 2**30


def now() -> datetime:
    """Return the moment: the one clock of sharing."""
    return datetime.now(UTC)  # noqa: TID251  # tokens and links end by the clock


def serve(lake: Lake, shares: Callable[[], Shares], folder: Path, listening: Listening) -> None:
    """Answer recipients until the process is interrupted.

    Parameters
    ----------
    lake
        What is shared from.
    shares
        Returns what is shared now.
    folder
        Folder of the sharing state.
    listening
        How the server is reached.

    Raises
    ------
    UsageError
        Tokens or files would travel without TLS, or the server is not installed.
    SharingError
        The address cannot be listened on, or the lake cannot be shared.
    """
    _require_safe(listening)
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        raise UsageError(
            "The sharing server is not installed: pip install 'stocks-ai-assets[share]'."
        )
    import socket

    import uvicorn

    service = SharingService(
        lake,
        shares,
        Recipients(folder),
        folder,
        link_lifetime=listening.link_lifetime,
        cache_bytes=listening.cache_bytes,
    )
    handler = Handler(service, AuditLog(folder / "audit"), listening.public_url, now)
    try:
        family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
        bound = socket.create_server((listening.host, listening.port), family=family, backlog=512)
    except OSError as error:
        raise SharingError(
            f"{listening.host}:{listening.port} cannot be listened on: {error.strerror}. "
            "Choose another --host or --port."
        ) from None
    configuration = uvicorn.Config(
        build_app(handler),
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.private_key,
        proxy_headers=listening.behind_proxy,
        # Its lines would hold the URLs that open files; the audit log has what matters.
        access_log=False,
        server_header=False,
        log_level="warning",
    )
    with bound:
        scheme = "https" if listening.certificate else "http"
        print(f"Listening on {scheme}://{listening.host}:{bound.getsockname()[1]}", flush=True)  # noqa: T201  # tells the port
        uvicorn.Server(configuration).run(sockets=[bound])


def _require_safe(listening: Listening) -> None:
    if (listening.certificate is None) != (listening.private_key is None):
        raise UsageError("TLS needs both --certificate and --private-key.")
    if listening.public_url is not None:
        require_safe_url(listening.public_url, "--public-url")
    elif listening.behind_proxy:
        raise UsageError(
            "--behind-proxy: without --public-url the URLs of files would be http, and whoever "
            "sees one can read the file. Give the proxy's URL, as "
            "--public-url https://data.example.org/delta-sharing."
        )
    for file in (listening.certificate, listening.private_key):
        if file is not None and not file.is_file():
            raise UsageError(f"{file} is no file. Name a file in PEM form.")
    if listening.certificate or listening.behind_proxy or _is_loopback(listening.host):
        return
    raise UsageError(
        f"--host {listening.host} opens the server to the network, and tokens would travel "
        "unencrypted. Give --certificate and --private-key, or --behind-proxy if a proxy ends TLS."
    )


def require_safe_url(url: str, name: str) -> None:
    """Refuse a URL of the server that is none, or to which tokens would travel unencrypted.

    Parameters
    ----------
    url
        The URL, as recipients get it: behind a proxy that ends TLS, the proxy's.
    name
        Option or setting that gives it.

    Raises
    ------
    UsageError
        It is refused.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises for what is no port
    except ValueError:
        parts = urlsplit("")
    named = parts.scheme in {"http", "https"} and parts.hostname
    if not named or parts.query or parts.fragment or "@" in parts.netloc:
        shown = re.sub(r"//[^/]*@", "//...@", url)
        raise UsageError(
            f"{name}: `{shown}` is not a URL such as https://example.org/delta-sharing."
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise UsageError(
            f"{name}: `{url}` would carry tokens unencrypted over the network. Give an https URL; "
            "where a proxy ends TLS, the proxy's."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
