"""Whatever numbers come from outside: what passes keeps the contract, the rest is set aside."""

from datetime import UTC, date, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from stocks_ai_assets.sources.intake import intake
from stocks_ai_assets.tables import table

SESSION = date(2024, 6, 5)
NUMBERS = ("open", "high", "low", "close", "volume")

number = st.one_of(
    st.none(), st.sampled_from([0.0, -1.0, 10.0, 11.0]), st.floats(allow_nan=True, width=64)
)
rows = st.lists(st.tuples(*[number] * len(NUMBERS)), min_size=1, max_size=12)


@given(rows)
def test_every_row_is_valid_or_in_quarantine_and_valid_rows_keep_the_contract(values):
    contract = table("market.prices").contract
    frame = pl.DataFrame(
        [
            {
                "symbol": f"S{i}",
                "session": SESSION,
                **dict(zip(NUMBERS, row, strict=True)),
                "available_at": datetime(2024, 6, 5, 20, tzinfo=UTC),
                "known_on": SESSION,
                "source": "made up",
            }
            for i, row in enumerate(values)
        ],
        schema=table("market.prices").schema,
    )
    taken = intake("market.prices", frame)
    assert taken.valid.height + taken.quarantined.height == len(values)
    contract.validate(taken.valid)
    for o, high, low, close, volume in taken.valid.select(NUMBERS).iter_rows():
        assert min(o, high, low, close) > 0
        assert volume >= 0
        assert high * (1 + 1e-6) >= max(o, low, close)
        assert low * (1 - 1e-6) <= min(o, high, close)
