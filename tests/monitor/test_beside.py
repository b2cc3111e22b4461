"""The row before and the row after of the same lamp."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from monitor.beside import after, before

LAMPS = st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9)), max_size=12)


@given(LAMPS)
def test_it_is_what_a_window_over_the_lamp_says(rows: list[tuple[str, int | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"lamp": pl.String, "n": pl.Int64}, orient="row").sort(
        "lamp", maintain_order=True
    )
    value = pl.col("n") * 2
    assert_frame_equal(
        frame.select(before("n"), twice_after=after(value)),
        frame.select(pl.col("n").shift(1).over("lamp"), twice_after=value.shift(-1).over("lamp")),
    )


def test_lamps_that_are_categories_and_frames_that_are_lazy_say_the_same() -> None:
    frame = pl.DataFrame({"lamp": ["a", "a", "b", "b"], "on": [True, None, False, True]})
    asked = frame.lazy().with_columns(pl.col("lamp").cast(pl.Categorical)).with_columns(was=before("on"))
    assert asked.filter(pl.col("on")).collect()["was"].to_list() == [None, False]


def test_anything_may_have_to_be_the_same() -> None:
    frame = pl.DataFrame({"commune": ["f", "f", "k"], "low": [True, False, True]})
    assert frame.select(before("low", "commune")).to_series().to_list() == [None, True, None]
