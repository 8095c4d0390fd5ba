from __future__ import annotations

import pytest

from tests.every import for_every


def test_all_rows_that_are_wrong_are_named() -> None:
    @for_every(range(5), "row {}".format)
    def odd(row: int) -> None:
        assert row % 2, "even"

    with pytest.raises(AssertionError, match=r"3 of 5 rows") as failed:
        odd()
    assert [f"row {n}: even" in str(failed.value) for n in range(5)] == [True, False] * 2 + [True]


def test_a_table_without_rows_is_wrong() -> None:
    @for_every(())
    def whatever(row: object) -> None:
        """Is never called."""

    with pytest.raises(AssertionError, match="no row"):
        whatever()


def test_an_error_of_another_kind_is_not_hidden() -> None:
    @for_every(("a",))
    def broken(row: str) -> None:
        raise KeyError(row)

    with pytest.raises(KeyError):
        broken()
