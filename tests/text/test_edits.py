"""Edits of a text: one pass, no overlaps, and offsets that lead back and forth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.text.edits import (
    Edit,
    EditedText,
    OverlappingEdits,
    apply_edits,
    deletion,
    insertion,
    joined_insertions,
    joined_spans,
    ordered,
)


def test_edits_are_applied_by_offset_whatever_their_order() -> None:
    assert apply_edits("abcdef", [Edit(4, 5, "E"), deletion(0, 1), insertion(2, "--")]) == "b--cdEf"


def test_insertions_at_one_offset_keep_the_order_given() -> None:
    assert apply_edits("ab", [insertion(1, "1"), insertion(1, "2")]) == "a12b"


def test_an_insertion_stands_before_what_is_replaced_there_and_behind_what_ended_there() -> None:
    assert apply_edits("abcd", [Edit(1, 2, "B"), insertion(1, "<"), insertion(2, ">")]) == "a<B>cd"


@pytest.mark.parametrize(
    "edits",
    [
        [deletion(0, 3), deletion(2, 4)],
        [deletion(0, 3), insertion(1, "x")],
        [Edit(0, 2, "x"), Edit(0, 3, "y")],
        [Edit(1, 2, "x"), Edit(1, 2, "x")],
    ],
)
def test_overlapping_edits_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(OverlappingEdits):
        apply_edits("abcdef", edits)


def test_touching_and_overlapping_spans_are_joined() -> None:
    assert joined_spans([(4, 6), (0, 2), (2, 3), (5, 9), (10, 10)]) == [(0, 3), (4, 9)]


def test_edits_that_change_nothing_are_left_out() -> None:
    assert ordered([insertion(1, ""), insertion(2, "x")]) == [insertion(2, "x")]


@pytest.mark.parametrize(
    ("offset", "source"),
    [(0, 0), (1, 1), (2, None), (4, None), (5, 2), (6, 3), (7, None), (8, None), (9, 4)],
)
def test_an_offset_in_inserted_text_has_no_place_in_the_source(offset: int, source: int | None) -> None:
    assert EditedText.of("abcdef", [insertion(2, "aaa"), insertion(4, "bb")]).source_offset(offset) == source


def test_an_offset_behind_a_replaced_part_counts_its_old_length() -> None:
    edited = EditedText.of("abcdef", [Edit(1, 4, "X")])
    assert [edited.source_offset(offset) for offset in range(4)] == [0, None, 4, 5]
    assert [edited.edited_offset(offset) for offset in range(7)] == [0, 1, 1, 1, 2, 3, 4]
    assert edited.edit_at(1) == Edit(1, 4, "X")
    assert edited.edit_at(2) is None


@st.composite
def edited_texts(draw: st.DrawFn) -> EditedText:
    source = draw(st.text("abc", max_size=30))
    cuts = sorted(draw(st.lists(st.integers(0, len(source)), max_size=8)))
    edits = [
        Edit(start, end, draw(st.text("xyz", max_size=3))) for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    return EditedText.of(source, edits)


@given(edited_texts())
def test_offsets_lead_to_the_same_characters_in_both_directions(edited: EditedText) -> None:
    for offset, character in enumerate(edited.text):
        back = edited.source_offset(offset)
        if back is None:
            edit = edited.edit_at(offset)
            assert edit is not None
            assert character in edit.text
        else:
            assert edited.source[back] == character
    kept = [
        offset
        for offset in range(len(edited.source))
        if not any(edit.start <= offset < edit.end for edit in edited.edits)
    ]
    for offset in kept:
        assert edited.text[edited.edited_offset(offset)] == edited.source[offset]
        assert edited.source_offset(edited.edited_offset(offset)) == offset


def test_insertions_at_one_offset_are_joined_on_request() -> None:
    assert joined_insertions([insertion(2, "b"), insertion(1, "a"), insertion(2, "c")]) == [
        insertion(1, "a"),
        insertion(2, "bc"),
    ]
