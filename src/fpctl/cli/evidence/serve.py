"""`fpctl serve`: the console, pages for looking at rules and exclusions and for recording them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.settings import Settings
    from fpctl.web.config import ConsoleConfig

PACKAGES = ("argon2-cffi", "authlib", "fastapi", "python-multipart", "uvicorn")
"""What the console needs beside fpctl: the extra `web`."""

Role = Literal["viewer", "analyst", "approver", "admin"]


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """Where the console listens."""

    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=1, max=65535, help="Port to listen on.")] = 8765
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="TLS certificate (PEM); needs --key.")
    ] = None
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Private key of the certificate (PEM).")] = (
        None
    )


def command(
    files: options.Files,
    listen: ListenOptions,
    add_user: Annotated[
        str | None, typer.Option("--add-user", metavar="NAME", help="Add a user to the user file and exit.")
    ] = None,
    role: Annotated[Role, typer.Option("--role", help="Role of the user added with --add-user.")] = "analyst",
    data: options.DataFolder = None,
) -> int:
    """Start the web console: decisions, rules with their clauses, recording and approving exclusions, runs.

    The console works on the files of this repository, like every command. By default it listens on this machine
    only and prints an address that signs you in once. For a team, configure a user file or OpenID Connect in
    [console] of fpctl.toml.
    """
    settings = AppContext(files, "none").settings
    if add_user is not None:
        return _add_user(settings, add_user, role)
    try:
        from fpctl.web.app import create_app
        from fpctl.web.config import check_exposure
        from fpctl.web.server import Listening, serve
    except ImportError as error:
        raise FpctlError(
            f"the console needs a package that is not installed ({error.name})",
            None,
            f"python -m pip install {' '.join(PACKAGES)}",
        ) from error
    secure = listen.certificate is not None
    if secure != (listen.key is not None):
        raise typer.BadParameter("give --certificate and --key together")
    console = _console(settings, data, secure=secure)
    check_exposure(listen.host, tls=secure, people=console.token is None, settings=settings)
    where = Listening(listen.host, listen.port, listen.certificate, listen.key)
    address = console.base_url or where.address
    output.say(f"The console is at {address}" + (f"/login?token={console.token}" if console.token else ""))
    output.say("Ctrl-C stops it.")
    serve(create_app(console), where)
    return EXIT_OK


def _console(settings: Settings, data: Path | None, *, secure: bool) -> ConsoleConfig:
    from fpctl.person import git_email, who
    from fpctl.web.config import ConsoleConfig

    own = settings.console
    made = ConsoleConfig(
        settings=settings,
        rules=settings.paths.rules,
        exclusions=settings.paths.exclusions,
        history=settings.history.url,
        data=data or settings.paths.data,
        users=own.users,
        oidc=own.oidc,
        secure=secure or (own.base_url or "").startswith("https://"),
        base_url=own.base_url,
        trusted_proxies=frozenset(own.trusted_proxies),
        session_length=timedelta(hours=own.session_hours),
    )
    if own.users is not None or own.oidc is not None:
        return made
    return replace(
        made, token=secrets.token_urlsafe(24), person=git_email(settings.paths.root) or who(settings.paths.root)
    )


def _add_user(settings: Settings, name: str, role: Role) -> int:
    from fpctl.web.security.users import UserFile

    place = settings.console.users
    if place is None:
        hint = 'set `users = "users.yaml"` in [console] of fpctl.toml; keep the file out of git'
        raise FpctlError("no user file is set", None, hint)
    password = typer.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True)
    UserFile(place).add(name, role, password)
    output.say(f"{name} may sign in as {role}; changes of {place} hold at once")
    return EXIT_OK
