"""The columns that hold a field in most tables, for tables that no schema describes."""

from __future__ import annotations

from collections.abc import Mapping

ASSUMED_COLUMNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "device": (("DeviceName", "host-name"), ("Computer", "host-name"), ("DeviceId", "device-id")),
    "url": (("RemoteUrl", "url-or-host"), ("Url", "url-or-host")),
    "hash": (("SHA256", "sha256"), ("SHA1", "sha1"), ("MD5", "md5")),
    "process": (("FileName", "file-name"), ("Process", "file-name")),
    "parent_process": (("InitiatingProcessFileName", "file-name"), ("ParentProcessName", "file-path")),
    "command_line": (("ProcessCommandLine", "command-line"), ("CommandLine", "command-line")),
    "path": (("FolderPath", "folder-path"),),
    "account": (("AccountName", "account-name"), ("AccountUpn", "account-upn"), ("Account", "account-name")),
    "ip": (("RemoteIP", "ip"), ("SourceIP", "ip"), ("IPAddress", "ip"), ("LocalIP", "ip")),
    "signer": (("Signer", "signer"),),
    "port": (("RemotePort", "port"),),
}
"""The usual names of a field's columns, for tables that no schema describes (design: the plan says so)."""
