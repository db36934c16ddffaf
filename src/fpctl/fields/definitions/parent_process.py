"""The program that started the process, by its file name."""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.fields.field import Attack
from fpctl.fields.kinds.file_name import FileNameField


class ParentProcessField(FileNameField):
    """The creator of a new process; elsewhere the parent of the process that does it."""

    name = "parent_process"
    help = "File name of the parent process. `*` matches any text."
    question = "Which programs start them? (file names)"
    meaning = "the parent of that process; in a process-creation event the creator"
    matches = "the complete file name of the parent process"
    spares = "`notmsiexec.exe`"
    synonyms = ("parent", "parentprocess", "parent_image")
    assumed = (("InitiatingProcessFileName", "file-name"), ("ParentProcessName", "file-path"))
    test_rank = 40
    tell_rank = 80
    ecs = ("process.parent.name", "process.parent_process.name", "parent_process.name")
    sigma_written = (("process.parent.name", "ParentImage"),)

    def attacks(self, value: str) -> Iterator[Attack]:
        yield Attack("started by another program", {"parent_process": "explorer.exe"})


FIELD = ParentProcessField()
