"""Watchlists of a Sentinel workspace, kept equal to a list of rows item by item.

A bulk update appends: an item that the new file lacks stays, and goes on suppressing. Deleting and creating a
watchlist again shows old and new entries for some minutes. So only a new list is uploaded as a whole; afterwards
items are added and deleted one by one, and the list is read back until it is what was asked for.
https://learn.microsoft.com/azure/sentinel/watchlists-manage
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fpctl.deployment.artifacts.template import WATCHLISTS_VERSION
from fpctl.deployment.target import CONFLICT, DeployedResource, sorted_rows
from fpctl.deployment.workspace.management import Management
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.decode import bad_response
from fpctl.rewrite.plan.external_lists import LOCAL_UPLOAD

PREFIX = "fpctl-"
"""Of the aliases of watchlists that fpctl makes: others are nobody's business here."""
ONE_BY_ONE = 200
"""Rows of a new list up to which each is sent by itself, which can safely be repeated."""
SETTLES = 600.0
"""Seconds to wait for what the service does in the background."""
_PAUSE, _LONGEST_PAUSE = 2.0, 20.0
_SPACE = uuid.UUID("2f6f4c0a-58d7-5b3e-8a53-0f5a0d1f7c42")
_STATED = ("displayName", "provider", "source", "itemsSearchKey")

Row = Mapping[str, str]


class Watchlists:
    """The watchlists that fpctl makes in a workspace.

    Args:
        management: asks Resource Manager.
        base: the path of the workspace's SecurityInsights provider.
        sleep: waits for some seconds.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        management: Management,
        base: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._management = management
        self._base = f"{base}/watchlists"
        self._sleep = sleep
        self._clock = clock

    def all(self) -> list[DeployedResource]:
        """Return every watchlist of fpctl with its items. Raises EngineError."""
        names = [str(item.get("name") or "") for item in self._management.get_all(self._path())]
        found = (self.get(name) for name in names if name.startswith(PREFIX))
        return [one for one in found if one is not None]

    def get(self, alias: str) -> DeployedResource | None:
        """Return a watchlist with its items, None if it is not there. Raises EngineError."""
        head = self._management.get(self._path(alias))
        if head is None:
            return None
        properties = head.get("properties")
        if not isinstance(properties, Mapping):
            raise bad_response("it does not describe a watchlist")
        if str(properties.get("provisioningState") or "").lower() == "deleting" or properties.get("isDeleted") is True:
            return None
        stated = {key: properties[key] for key in _STATED if key in properties}
        try:
            stated["items"] = sorted_rows(row for _, row in self._items(alias))
        except EngineError as error:
            if error.code == "not-found":  # it was deleted between the two requests
                return None
            raise
        return DeployedResource("watchlists", alias, _fingerprint(stated), None, stated)

    def put(self, alias: str, properties: Mapping[str, Any], etag: str | None) -> DeployedResource:
        """Make a watchlist what the properties say, and return it when reading it back gives that.

        Raises:
            EngineError: `conflict`; `service`, it has not become that in time; as of a request.
        """
        there = self.get(alias)
        if (there.etag if there is not None else None) != etag:
            raise EngineError(
                "it was changed by someone else in the meantime",
                code=CONFLICT,
                hint="check it with `fpctl diff --deployed`, then deploy again",
            )
        wanted = sorted_rows(properties["items"])
        if there is None:
            self._create(alias, properties, wanted if len(wanted) > ONE_BY_ONE else ())
            if len(wanted) > ONE_BY_ONE:
                keys = set(map(_key, wanted))
                if not self._until(lambda: keys <= {_key(row) for _, row in self._items(alias)}):
                    raise _unsettled(alias)
        # An upload whose answer was lost was sent twice, and appends twice.
        self._change(alias, wanted)
        return self._settled(alias, wanted)

    def delete(self, alias: str) -> None:
        """Delete a watchlist, and return when it is gone. Raises EngineError."""
        self._management.ask("DELETE", self._path(alias), accepted=(200, 202, 204, 404))
        if not self._until(lambda: self.get(alias) is None):
            raise EngineError("the watchlist is still there", code="service", hint="roll back again later")

    def _create(self, alias: str, properties: Mapping[str, Any], rows: Sequence[Row]) -> None:
        content = _csv(rows)
        if len(content.encode()) > LOCAL_UPLOAD:
            raise EngineError(
                f"the watchlist would be larger than {LOCAL_UPLOAD:,} bytes, which cannot be uploaded",
                code="too-long",
                hint="keep the lists in a function (--lists function)",
            )
        body = {key: properties[key] for key in _STATED if key in properties}
        if rows:
            body |= {"rawContent": content, "contentType": "text/csv", "numberOfLinesToSkip": 0}
        self._management.ask("PUT", self._path(alias), body={"properties": body}, accepted=(200, 201, 202))

    def _change(self, alias: str, rows: Sequence[Row]) -> None:
        missing = Counter(map(_key, rows))
        extra: list[str] = []
        for name, row in self._items(alias):
            if missing[_key(row)]:
                missing[_key(row)] -= 1
            else:
                extra.append(name)
        # Deletions first: a value that was retired suppresses for as long as it is there.
        for name in extra:
            path = self._path(alias, f"watchlistItems/{quote(name, safe='')}")
            self._management.ask("DELETE", path, accepted=(200, 202, 204, 404))
        for row in rows:
            if missing[_key(row)]:
                missing[_key(row)] -= 1
                # The same name for the same row: sent twice, it is there once.
                name = str(uuid.uuid5(_SPACE, f"{alias}\n{_key(row)}"))
                body = {"properties": {"itemsKeyValue": dict(row)}}
                self._management.ask(
                    "PUT", self._path(alias, f"watchlistItems/{name}"), body=body, accepted=(200, 201, 202)
                )

    def _settled(self, alias: str, rows: Sequence[Row]) -> DeployedResource:
        found: list[DeployedResource] = []

        def there() -> bool:
            current = self.get(alias)
            if current is not None and current.properties["items"] == rows:
                found.append(current)
            return bool(found)

        if not self._until(there):
            raise _unsettled(alias)
        return found[0]

    def _until(self, holds: Callable[[], bool]) -> bool:
        ends, pause = self._clock() + SETTLES, _PAUSE
        while not holds():
            if self._clock() + pause > ends:
                return False
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return True

    def _items(self, alias: str) -> list[tuple[str, Row]]:
        found: list[tuple[str, Row]] = []
        for item in self._management.get_all(self._path(alias, "watchlistItems")):
            properties = item.get("properties")
            values = properties.get("itemsKeyValue") if isinstance(properties, Mapping) else None
            if not isinstance(values, Mapping) or not isinstance(item.get("name"), str):
                raise bad_response("it does not describe an item of a watchlist")
            if properties is not None and properties.get("isDeleted") is True:
                continue
            found.append((item["name"], {str(key): str(value) for key, value in values.items()}))
        return found

    def _path(self, alias: str | None = None, tail: str = "") -> str:
        place = self._base if alias is None else f"{self._base}/{quote(alias, safe='')}"
        return f"{place}{f'/{tail}' if tail else ''}?api-version={WATCHLISTS_VERSION}"


def _unsettled(alias: str) -> EngineError:
    return EngineError(
        f"the watchlist {alias} does not have the rows that were sent after {SETTLES:,.0f} s",
        code="service",
        hint="look at it in the portal; `fpctl deploy` again brings what is missing",
        retryable=True,
    )


def _key(row: Row) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=True)


def _fingerprint(properties: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(properties, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _csv(rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row)) or ["SearchKey"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
