"""The command line of what started the process."""

from __future__ import annotations

from fpctl.fields.kinds.contained_text import ContainedTextField


class ParentCommandLineField(ContainedTextField):
    """A text that the parent's command line contains."""

    name = "parent_command_line"
    help = "Text that the parent process's command line contains. `*` matches any text."
    question = "Which text does the command line of the parent contain?"
    meaning = (
        "in a process-creation event, the command line of the creating process; in other events, that of the "
        "parent if the table has it"
    )
    matches = "parent command lines that contain the text"
    synonyms = ("parentcmdline", "parentcommandline", "parent_cmdline")
    roles = telling = ("command-line",)
    assumed = (("ParentCommandLine", "command-line"), ("ParentProcessCommandLine", "command-line"))
    verbatim = "command-line"
    test_rank = 105
    tell_rank = 78
    chosen = "whoever starts the parent chooses its command line"
    whole = "command line"
    attack_text = "cmd.exe /c start evil.exe"
    ecs = ("process.parent.command_line", "process.parent_process.command_line")
    sigma_read = (("parentcommandline", "process.parent.command_line"),)
    sigma_written = (("process.parent.command_line", "ParentCommandLine"),)


FIELD = ParentCommandLineField()
