"""Templates of the console, and what every page has: the visitor, the menu, a message."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fpctl import __version__
from fpctl.report.page.render import hits_text
from fpctl.web.security.sign_in import Visitor
from fpctl.web.state import console_of

if TYPE_CHECKING:
    from jinja2 import Environment

MENU = (
    ("/", "Today"), ("/rules", "Rules"), ("/exclusions", "Exclusions"), ("/shadow", "Shadow"), ("/runs", "Runs"),
    ("/audit", "Audit"), ("/trail", "Trail"),
)  # fmt: skip
SAVED = {
    "recorded": "The exclusion is recorded.",
    "renewed": "The expiry date is extended.",
    "retired": "Retired.",
    "approved": "Approved.",
    "activated": "Active now.",
    "edited": "Saved.",
    "revoked": "The token is revoked.",
}
"""Messages after a form, by the word in the address."""


@cache
def environment() -> Environment:
    """Return the templates; every value is escaped, and those of the report are there too."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader("fpctl.web"), PackageLoader("fpctl.report.page")])
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["moment"] = moment
    made.globals.update(hits=hits_text, version=__version__)
    return made


def moment(value: datetime | None) -> str:
    """Return a time as pages show it: UTC, to the minute."""
    return "never" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def safe(markup: str | None) -> Any:
    """Return markup of our own making as a template takes it; None stays None."""
    from markupsafe import Markup

    return None if markup is None else Markup(markup)


def page(request: Request, name: str, visitor: Visitor | None, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a page.

    Args:
        name: the template.
        visitor: who is signed in; None on the pages before that.
    """
    saved = SAVED.get(request.query_params.get("done", ""))
    text = (
        environment()
        .get_template(name)
        .render(
            visitor=visitor,
            csrf=visitor.session.csrf if visitor is not None else "",
            menu=MENU,
            here=request.url.path,
            saved=saved,
            **context,
        )
    )
    return HTMLResponse(text, status)


def fragment(name: str, **context: Any) -> HTMLResponse:
    """Return a part of a page, for the script to put in its place."""
    return HTMLResponse(part(name, **context))


def part(name: str, **context: Any) -> str:
    """Return a part of a page that is the same for everybody."""
    return environment().get_template(name).render(**context)


def after(path: str, done: str) -> RedirectResponse:
    """Return the way to a page after a form that did something, so that a reload does not do it again."""
    mark = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{mark}done={quote(done)}", 303)


def not_found(request: Request, visitor: Visitor, what: str) -> Response:
    """Return the page that says that something is not there."""
    return page(request, "problem.html.j2", visitor, status=404, title="Not found", messages=[what])


def refused(
    request: Request, visitor: Visitor, messages: list[str], *, status: int = 400, typed: str | None = None
) -> Response:
    """Return the page that says why something was not done; nothing was changed.

    Args:
        typed: a long text that would be lost with its form.
    """
    title = "Nothing was changed"
    return page(request, "problem.html.j2", visitor, status=status, title=title, messages=messages, typed=typed)


__all__ = ["after", "console_of", "environment", "fragment", "not_found", "page", "part", "refused", "safe"]
