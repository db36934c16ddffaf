"""The functions, one module for each family; importing this package fills the table (`fpctl.compiler.registry`)."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
