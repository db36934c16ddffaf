"""The local user file: people, their roles, and argon2 hashes of their passwords.

people:
  - name: a.rossi@contoso.com
    role: analyst
    password: $argon2id$v=19$m=65536,t=3,p=4$...
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpctl.errors import FpctlError, Location
from fpctl.files import read_text, write_text
from fpctl.settings import RoleName
from fpctl.spelling import did_you_mean
from fpctl.web.security.roles import ROLES

SHORTEST_PASSWORD = 12


@dataclass(frozen=True, slots=True)
class User:
    """A person of the user file."""

    name: str
    role: RoleName
    password: str


class UserFile:
    """The people who may sign in with a password. The file is read at each sign-in, so changes hold at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[tuple[int, int], dict[str, User]] | None = None

    def users(self) -> dict[str, User]:
        """Return everybody by name, folded.

        Raises:
            FpctlError: the file is missing or not of the documented shape.
        """
        import yaml

        at = Location(str(self.path))
        try:
            data: Any = yaml.safe_load(read_text(self.path))
        except yaml.YAMLError as error:
            raise FpctlError("the user file is not valid YAML", at, "docs/console.md shows its shape") from error
        people = data.get("people") if isinstance(data, dict) else None
        if not isinstance(people, list):
            raise FpctlError("the user file has no list `people`", at, "add somebody: fpctl serve --add-user NAME")
        found: dict[str, User] = {}
        for number, one in enumerate(people, 1):
            if not isinstance(one, dict) or not all(isinstance(one.get(k), str) for k in ("name", "role", "password")):
                raise FpctlError(f"person {number} of the user file needs a name, a role and a password hash", at)
            if one["role"] not in ROLES:
                hint = did_you_mean(one["role"], ROLES, what="role")
                raise FpctlError(f"{one['name']} has the role `{one['role']}`, which is not one of the roles", at, hint)
            found[one["name"].casefold()] = User(one["name"], one["role"], one["password"])
        return found

    def role_of(self, name: str) -> RoleName | None:
        """Return somebody's role; None where they are not in the file. It is read again where it has changed.

        Raises:
            FpctlError: as `users` does.
        """
        try:
            status = self.path.stat()
            state = (status.st_mtime_ns, status.st_size)
        except OSError:
            state = (0, 0)
        seen = self._seen
        if seen is None or seen[0] != state:
            seen = self._seen = state, self.users()
        user = seen[1].get(name.casefold())
        return user.role if user is not None else None

    def check(self, name: str, password: str) -> User | None:
        """Return the person if the password is theirs. An unknown name takes as long as a wrong password."""
        from argon2 import PasswordHasher
        from argon2.exceptions import InvalidHashError, VerificationError

        user = self.users().get(name.strip().casefold())
        hasher = PasswordHasher()
        try:
            hasher.verify(user.password if user is not None else _UNKNOWN, password)
        except (VerificationError, InvalidHashError):
            return None
        return user

    def add(self, name: str, role: RoleName, password: str) -> None:
        """Add a person, or change the role and password of one.

        Raises:
            FpctlError: the password is too short, or the file cannot be read or written.
        """
        import yaml
        from argon2 import PasswordHasher

        if len(password) < SHORTEST_PASSWORD:
            raise FpctlError(
                f"the password is shorter than {SHORTEST_PASSWORD} characters", None, "choose a longer one"
            )
        users = self.users() if self.path.exists() else {}
        users[name.casefold()] = User(name, role, PasswordHasher().hash(password))
        people = [{"name": one.name, "role": one.role, "password": one.password} for one in users.values()]
        write_text(self.path, yaml.safe_dump({"people": people}, sort_keys=False, allow_unicode=True))
        self.path.chmod(0o600)


_UNKNOWN = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$OIlMlLsWKmmSDgzGq1fdlDg5oySTaIhbZHuo2XNH5mQ"
"""The hash of nobody's password: checked for names that are not in the file."""
