"""Which secrets are suppressed of captured events, and what is left alone."""

from __future__ import annotations

from collections import Counter

import pytest

from fpctl.tuning.secrets import scrubbed


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("rport --password hunter2 -c x", "hunter2"),
        ("tool.exe /pwd:hunter2 /q", "hunter2"),
        ('set PASSWORD="hunter two" & go', "hunter two"),
        ("sqlcmd -S db01 -U sa -P hunter2 -Q x", "hunter2"),
        ("net use \\\\srv\\c$ /user:x -p hunter2", "hunter2"),
        ("curl -H 'Authorization: Bearer abcdef0123456789' https://x", "abcdef0123456789"),
        ("https://alice:hunter2@host.net/x", "hunter2"),
        ("https://x.blob.core.windows.net/a?sv=2020&sig=Ab%2Fcd&se=1", "Ab%2Fcd"),
        ("key AKIAABCDEFGHIJKLMNOP end", "AKIAABCDEFGHIJKLMNOP"),
        ("t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl e", "c2lnbmF0dXJl"),
        ("ConvertTo-SecureString 'hunter2' -AsPlainText", "hunter2"),
        ("Server=x;AccountKey=aGVsbG8=;Y=1", "aGVsbG8"),
    ],
)
def test_a_secret_is_removed_and_counted(text: str, secret: str) -> None:
    found: Counter[str] = Counter()
    clean = scrubbed(text, found)
    assert secret not in clean
    assert "<removed>" in clean
    assert sum(found.values()) >= 1


@pytest.mark.parametrize(
    "text",
    [
        '"C:\\Program Files\\rport\\rport.exe" -c "C:\\x.conf" service run',
        "powershell.exe -File Get-MonitoringData.ps1 -Path C:\\logs",
        "shutdown /r /t 0",
        "https://deploy.contoso.com/packages/a?version=2",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    found: Counter[str] = Counter()
    assert (scrubbed(text, found), found) == (text, Counter())


def test_secrets_deep_in_a_dynamic_value_are_removed() -> None:
    found: Counter[str] = Counter()
    value = {"Extra": [{"clientSecret": "s3cret", "Command": "x --token abc"}], "Port": 443}
    assert scrubbed(value, found) == {
        "Extra": [{"clientSecret": "<removed>", "Command": "x --token <removed>"}], "Port": 443
    }  # fmt: skip


def test_scrubbing_twice_changes_nothing_more() -> None:
    once = scrubbed("rport --password hunter2 https://a:b@c/?sig=1", Counter())
    again: Counter[str] = Counter()
    assert (scrubbed(once, again), again) == (once, Counter())
