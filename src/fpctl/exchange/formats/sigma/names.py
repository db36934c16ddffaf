"""The field names of Sigma's Windows taxonomy and the names of the documented notation that they stand for."""

from __future__ import annotations

from collections.abc import Mapping

from fpctl.fields.registry import FIELDS

_OTHERS = {
    "parentimage": "process.parent.executable", "originalfilename": "process.original",
}  # fmt: skip
"""What no field holds, so that reading it can say why."""

NAMES: Mapping[str, str] = _OTHERS | {name: ecs for field in FIELDS.values() for name, ecs in field.sigma_read}
"""Sigma's name in lower case -> the notation's."""

WRITTEN: Mapping[str, str] = {name: sigma for field in FIELDS.values() for name, sigma in field.sigma_written}
"""The notation's name -> Sigma's."""

FILE_NAMES = {"process.executable": "process.name", "process.parent.executable": "process.parent.name"}
"""Names that hold a full path -> the name of its last part."""
