"""Which exclusion covers which: a sound decision on the match model.

"A covers B" is only said where every event that B suppresses, A suppresses too: for each field, value
by value, over every kind of column that can hold the field. It is not said where that cannot be
shown; two exclusions may then still suppress the same events.
"""

from __future__ import annotations
