"""`[policy]` of the settings: what it takes, and the message for what it does not."""

# Messages are kept whole.
# ruff: noqa: E501

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from fpctl.errors import FpctlError
from fpctl.policy import Policy
from fpctl.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


def load(folder: Path, text: str) -> Settings:
    (folder / "fpctl.toml").write_text(text, encoding="utf-8")
    return load_settings(folder=folder, environ={})


def test_every_key_is_read(tmp_path: Path) -> None:
    policy = load(
        tmp_path,
        """
[policy]
require = ["owner"]
ticket = "T[0-9]+"
[policy.lifetime]
narrow = 1
scenarios = {remote-reboot = 2}
[policy.approval]
needed = "fields"
fields = ["where"]
differs = false
[policy.forbidden]
domains = ["x.com"]
prefix_v4 = 24
[policy.usage]
factor = 2.5
[policy.severity]
FP101 = "off"
expiring = "error"
""",
    ).policy
    assert (policy.require, policy.ticket, policy.lifetime.narrow) == (["owner"], "T[0-9]+", 1)
    assert policy.lifetime.scenarios == {"remote-reboot": 2}
    assert (policy.approval.needed, policy.approval.fields, policy.approval.differs) == ("fields", ["where"], False)
    assert (policy.forbidden.domains, policy.forbidden.prefix_v4, policy.usage.factor) == (["x.com"], 24, 2.5)
    assert policy.severity == {"FP101": "off", "expiring": "error"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[policy]\nrequired = ['owner']\n", "2:1: unknown key `required` in [policy]\n  hint: did you mean `require`?"),
        ("[policy.lifetimes]\nnarrow = 3\n", "1:1: unknown key `lifetimes` in [policy]\n  hint: did you mean `lifetime`?"),
        ("[policy.lifetime]\nnarow = 3\n", "2:1: unknown key `narow` in [policy.lifetime]\n  hint: did you mean `narrow`?"),
        ("[policy]\nrequire = ['onwer']\n",
         "2:1: `require` is `onwer`; it must be one of `title`, `scenario`, `reason`, `ticket`, `owner`, `created`, "
         "`expires`, `notes`, `tags`\n  hint: did you mean `owner`?"),
        ("[policy]\nticket = '('\n",
         "2:1: `ticket`: not a regular expression: missing ), unterminated subpattern at position 0"),
        ("[policy.approval]\nneeded = 'allways'\n",
         "2:1: `needed` is `allways`; it must be one of `always`, `fields`, `never`\n  hint: did you mean `always`?"),
        ("[policy.severity]\nFP101 = 'fatal'\n",
         "2:1: `FP101` is `fatal`; it must be one of `error`, `warning`, `note`, `off`"),
        ("[policy.lifetime]\nnarrow = 0\n", "2:1: `narrow`: input should be greater than or equal to 1"),
        ("[policy.lifetime]\nnarrow = '90d'\n", "2:1: `narrow` takes a valid integer"),
        ("[policy.usage]\nfactor = 1\n", "2:1: `factor`: input should be greater than 1"),
        ("[policy]\nrequire = 'owner'\n", "2:1: `require` takes a valid list"),
    ],
)  # fmt: skip
def test_a_fault_is_one_message_at_its_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(FpctlError) as caught:
        load(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/fpctl.toml:{expected}"


def test_the_documented_defaults_are_the_defaults() -> None:
    page = (ROOT / "docs" / "policy.md").read_text("utf-8")
    block = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert block is not None
    documented = tomllib.loads(block[1])
    assert Policy.model_validate(documented["policy"]) == Policy()
    # And nothing is left out of the block.
    stated = Policy.model_validate(documented["policy"]).model_dump(exclude_unset=True)
    assert stated.keys() == Policy.model_fields.keys()
    assert {name: part.keys() for name, part in stated.items() if isinstance(part, dict)} == {
        name: part.keys() for name, part in Policy().model_dump().items() if isinstance(part, dict)
    }
