"""The functions, one module for each family; importing this package fills the table (`fpctl.compiler.registry`)."""

from fpctl.compiler.functions import aggregates, conversion, dynamic, logic, numbers, text, time, windows

__all__ = ["aggregates", "conversion", "dynamic", "logic", "numbers", "text", "time", "windows"]
