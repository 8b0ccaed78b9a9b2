"""`share`: who may read what of the lake, and the server that gives it to them."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stocks_ai_assets.cli.arguments import AsJson
from stocks_ai_assets.cli.opening import deployment
from stocks_ai_assets.cli.printing import print_json, print_table
from stocks_ai_assets.errors import SharingError

if TYPE_CHECKING:
    from stocks_ai_assets.sharing.opening import Sharing

app = typer.Typer(help="Share tables by the open Delta Sharing protocol.", no_args_is_help=True)

Recipient = Annotated[str, typer.Argument(help="Recipient that the policy names.")]
ExpiresIn = Annotated[str, typer.Option("--expires-in", help="Life of the token: 30d, 12h, 90m.")]
Output = Annotated[Path | None, typer.Option("--output", help="Profile file to write, once.")]
Endpoint = Annotated[
    str | None, typer.Option("--endpoint", help="URL of the server for the recipient.")
]


@app.command("serve")
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; 0: a free one.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="TLS certificate, PEM.")
    ] = None,
    private_key: Annotated[
        Path | None, typer.Option("--private-key", help="Key of the certificate, PEM.")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="URL at which recipients reach it.")
    ] = None,
    url_lifetime: Annotated[str, typer.Option("--url-lifetime", help="Life of file URLs.")] = "1h",
    cache_gb: Annotated[
        float, typer.Option("--cache-gb", min=0.01, help="Disk for copies of shared columns.")
    ] = 10.0,
    *,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front ends TLS.")
    ] = False,
) -> None:
    """Answer recipients; stop with Ctrl-C. Several servers may share one home."""
    from stocks_ai_assets.sharing.profiles import duration
    from stocks_ai_assets.sharing.server import PORT, Listening, serve

    listening = Listening(
        host=host,
        port=PORT if port is None else port,
        certificate=certificate,
        private_key=private_key,
        behind_proxy=behind_proxy,
        public_url=public_url,
        link_lifetime=duration(url_lifetime, "--url-lifetime"),
        cache_bytes=int(cache_gb * 2**30),
    )
    opened = _open()
    # A policy that is refused should stop the start, not every request.
    opened.shares()
    serve(opened.lake, opened.shares, opened.folder, listening)


@app.command("grant")
def grant(
    recipient: Recipient,
    expires_in: ExpiresIn = "30d",
    output: Output = None,
    endpoint: Endpoint = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a recipient a token, in a profile file that is written once."""
    _issue(recipient, expires_in, output, endpoint, keep_old=None, as_json=as_json)


@app.command("rotate")
def rotate(
    recipient: Recipient,
    keep_old: Annotated[
        str, typer.Option("--keep-old", help="Time until the earlier tokens end: 24h, 0.")
    ] = "24h",
    expires_in: ExpiresIn = "30d",
    output: Output = None,
    endpoint: Endpoint = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a recipient a new token; the earlier ones end soon."""
    _issue(recipient, expires_in, output, endpoint, keep_old=keep_old, as_json=as_json)


@app.command("revoke")
def revoke(
    recipient: Annotated[str, typer.Argument(help="Recipient.")],
    token: Annotated[
        str | None, typer.Option("--token", help="Id of one token; default: all of them.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Take back tokens, and with them the file URLs that were given for them, at once."""
    from stocks_ai_assets.sharing.server import now

    opened = _open()
    count = opened.recipients.revoke(recipient, now=now(), identity=token)
    if not count:
        raise SharingError(
            f"{recipient} has no valid token{f' {token}' if token else ''}. "
            "See: stocks-ai share list"
        )
    if as_json:
        print_json({"recipient": recipient, "revoked": count})
    else:
        typer.echo(f"Revoked {count} token{'s' if count > 1 else ''} of {recipient}.")


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show what is shared with whom, and the state of every token."""
    from stocks_ai_assets.sharing.server import now

    opened = _open()
    moment = now()
    shares = opened.shares()
    tables: list[dict[str, Any]] = [
        {
            "share": share.name,
            "table": f"{table.schema}.{table.name}",
            "of": table.table,
            "columns": list(table.columns) if table.columns else None,
            "history": table.history,
            "recipients": sorted(share.recipients),
        }
        for share in shares.all
        for table in share.tables
    ]
    tokens = [
        {
            "recipient": token.recipient,
            "token": token.id,
            "state": token.state(moment)
            if token.recipient in shares.recipients
            else "not in the policy",
            "created": token.created,
            "expires": token.expires,
            "last_used": opened.recipients.last_used(token),
        }
        for token in opened.recipients.tokens()
    ]
    if as_json:
        print_json({"tables": tables, "tokens": tokens})
        return
    shown = [
        {
            **row,
            "columns": ", ".join(row["columns"]) if row["columns"] else "all",
            "recipients": ", ".join(row["recipients"]) or None,
        }
        for row in tables
    ]
    print_table(f"Shared from {opened.lake.root}", shown)
    if tokens:
        print_table("Tokens", tokens)
    else:
        typer.echo("No tokens. Give one: stocks-ai share grant RECIPIENT")


@app.command("log")
def log(
    last: Annotated[int, typer.Option("--last", min=1, help="Newest requests.")] = 20,
    recipient: Annotated[
        str | None, typer.Option("--recipient", help="Only requests of this recipient.")
    ] = None,
    *,
    refused: Annotated[bool, typer.Option("--refused", help="Only refused requests.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show who asked for what: the audit log, oldest first."""
    entries = [
        entry
        for entry in _open().audit.entries()
        if (recipient is None or entry.get("recipient") == recipient)
        and (not refused or entry["status"] >= 400)
    ][-last:]
    if as_json:
        print_json(entries)
        return
    names = ("action", "status", "recipient", "share", "table", "version", "rows", "files", "bytes")
    rows: list[dict[str, Any]] = [
        {
            "at": f"{datetime.fromisoformat(entry['at']):%Y-%m-%d %H:%M:%S}",
            **{name: entry.get(name) for name in names},
        }
        for entry in entries
    ]
    if rows:
        print_table("Requests, UTC", rows)
    else:
        typer.echo("No such requests.")


def _issue(
    recipient: str,
    expires_in: str,
    output: Path | None,
    endpoint: str | None,
    *,
    keep_old: str | None,
    as_json: bool,
) -> None:
    from stocks_ai_assets.sharing.issuing import issue
    from stocks_ai_assets.sharing.profiles import duration
    from stocks_ai_assets.sharing.server import now

    grace = None
    if keep_old is not None:
        from datetime import timedelta

        grace = timedelta() if keep_old == "0" else duration(keep_old, "--keep-old")
    issued = issue(
        _open(),
        recipient,
        file=output or Path(f"{recipient}.share"),
        endpoint=endpoint,
        lifetime=duration(expires_in, "--expires-in"),
        grace=grace,
        now=now(),
    )
    if as_json:
        print_json(
            {
                "recipient": recipient,
                "token": issued.token.id,
                "expires": issued.token.expires,
                "profile": issued.file,
                "endpoint": issued.endpoint,
            }
        )
        return
    typer.echo(
        f"Wrote {issued.file}: token {issued.token.id} of {recipient} for {issued.endpoint}, valid "
        f"until {issued.token.expires:%Y-%m-%d %H:%M} UTC. Send it over a safe way and delete it "
        "here: it opens the share, and cannot be shown again."
    )


def _open() -> "Sharing":
    from stocks_ai_assets.sharing.opening import open_sharing

    return open_sharing(deployment())
