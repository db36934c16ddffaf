"""The program that does it, by its file name."""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.fields.field import Attack
from fpctl.fields.kinds.file_name import FileNameField


class ProcessField(FileNameField):
    """The process of an event; in a process-creation event the new one."""

    name = "process"
    help = "File name of the process. `*` matches any text."
    question = "Which programs? (file names)"
    meaning = "the process that acts; in a process-creation event, the new process"
    matches = "the complete file name: `msiexec.exe`"
    spares = "`notmsiexec.exe`"
    synonyms = ("image", "filename", "process_name")
    assumed = (("FileName", "file-name"), ("Process", "file-name"))
    test_rank = 30
    tell_rank = 90
    ecs = ("process.name",)
    sigma_written = (("process.name", "Image"),)

    def attacks(self, value: str) -> Iterator[Attack]:
        yield Attack("a look-alike file name", {"process": f"not{value}"})
        yield Attack("a name with another ending", {"process": f"{value}.exe"})


FIELD = ProcessField()
