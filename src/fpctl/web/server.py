"""Running the console on a port."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fastapi import FastAPI


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a console listens: with a certificate and key over TLS."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None

    @property
    def address(self) -> str:
        """The address as browsers write it."""
        scheme = "https" if self.certificate is not None else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def serve(app: FastAPI, where: Listening) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        FpctlError: the port is taken, or the certificate cannot be read.
    """
    import uvicorn

    for file in (where.certificate, where.key):
        if file is not None and not file.is_file():
            raise FpctlError(f"there is no file {file}")
    config = uvicorn.Config(
        app, host=where.host, port=where.port, ssl_certfile=where.certificate, ssl_keyfile=where.key,
        log_level="warning", access_log=False, server_header=False, date_header=False, proxy_headers=False,
        timeout_graceful_shutdown=3,
    )  # fmt: skip
    try:
        uvicorn.Server(config).run()
    except SystemExit as error:
        raise FpctlError(
            f"cannot listen on {where.address}", None, "another program may use the port: give another --port"
        ) from error
