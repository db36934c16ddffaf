"""The field names of Sigma's Windows taxonomy and the names of the documented notation that they stand for."""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "computername": "host.name", "computer": "host.name", "hostname": "host.name", "workstationname": "host.name",
    "image": "process.executable", "parentimage": "process.parent.executable", "originalfilename": "process.original",
    "commandline": "process.command_line", "parentcommandline": "process.parent.command_line",
    "user": "user.name", "targetusername": "user.name", "subjectusername": "user.name", "targetfilename": "file.path",
    "destinationhostname": "url.domain", "queryname": "url.domain", "c-uri": "url.full", "cs-host": "url.domain",
    "destinationip": "destination.ip", "sourceip": "source.ip", "destinationport": "destination.port",
    "sourceport": "source.port", "md5": "file.hash.md5", "sha1": "file.hash.sha1", "sha256": "file.hash.sha256",
    "signature": "process.code_signature.subject_name",
}  # fmt: skip
"""Sigma's name in lower case -> the notation's."""

WRITTEN: Mapping[str, str] = {
    "host.name": "ComputerName", "url.domain": "DestinationHostname", "process.name": "Image",
    "process.parent.name": "ParentImage", "process.command_line": "CommandLine", "process.executable": "Image",
    "file.path": "TargetFilename", "user.name": "User", "user.email": "User", "source.ip": "SourceIp",
    "destination.ip": "DestinationIp", "destination.port": "DestinationPort",
    "process.code_signature.subject_name": "Signature", "file.hash.md5": "Hashes", "file.hash.sha1": "Hashes",
    "file.hash.sha256": "Hashes", "process.hash.md5": "Hashes", "process.hash.sha1": "Hashes",
    "process.hash.sha256": "Hashes", "file.code_signature.subject_name": "Signature",
}  # fmt: skip
"""The notation's name -> Sigma's."""

FILE_NAMES = {"process.executable": "process.name", "process.parent.executable": "process.parent.name"}
"""Names that hold a full path -> the name of its last part."""
