"""Result rows kept as Arrow, made into Python tuples only when looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import pyarrow

_AT_ONCE = 8192
"""Rows made into Python values at a time: enough to be quick, few enough to be small."""

Row = tuple[Any, ...]


class ArrowRows(Sequence[Row]):
    """The rows of an Arrow table as tuples. Equal to any sequence of equal tuples.

    Args:
        table: the Arrow table.
        converters: for each column what makes its Python value, None for as Arrow gives it.
    """

    __slots__ = ("_converters", "table")

    def __init__(self, table: pyarrow.Table, converters: Sequence[Callable[[Any], Any] | None]) -> None:
        self.table = table
        self._converters = tuple(converters)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[Row]:
        for batch in self.table.to_batches(max_chunksize=_AT_ONCE):
            yield from self._tuples(batch)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return list(self._tuples(self.table.slice(start, max(0, stop - start))))
            return [self[at] for at in range(start, stop, step)]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError("row index out of range")
        return next(iter(self._tuples(self.table.slice(at, 1))))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(repr(row) for row in self[:5])
        return f"[{shown}{', ...' if len(self) > 5 else ''}]"

    def _tuples(self, part: pyarrow.Table | pyarrow.RecordBatch) -> Iterator[Row]:
        columns = []
        for position, convert in enumerate(self._converters):
            values = part.column(position).to_pylist()
            columns.append(values if convert is None else [convert(value) for value in values])
        return zip(*columns, strict=True)
