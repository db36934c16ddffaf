"""The command line of the process."""

from __future__ import annotations

from fpctl.fields.kinds.contained_text import ContainedTextField


class CommandLineField(ContainedTextField):
    """A text that the command line contains."""

    name = "command_line"
    help = "Text that the command line contains. `*` matches any text."
    question = "Which text does the command line contain?"
    meaning = "the command line of that process"
    matches = "command lines that contain the text"
    synonyms = ("cmdline", "commandline", "command")
    roles = telling = ("command-line",)
    assumed = (("ProcessCommandLine", "command-line"), ("CommandLine", "command-line"))
    verbatim = "command-line"
    test_rank = 100
    tell_rank = 70
    chosen = "whoever starts the process chooses its command line"
    whole = "command line"
    attack_text = "powershell.exe -enc SQBFAFgA"
    ecs = ("process.command_line", "process.commandline")
    sigma_read = (("commandline", "process.command_line"),)
    sigma_written = (("process.command_line", "CommandLine"),)


FIELD = CommandLineField()
