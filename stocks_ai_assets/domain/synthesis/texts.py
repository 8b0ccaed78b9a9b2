"""Sentences made from the numbers of a synthesis: the same numbers, the same words.

Short, with signs and units, and honest: where nothing has shown skill, the text says so.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

STRONG_DISAGREEMENT = 0.6
"""Sd of scores beyond that of independent uniform opinions (.577)."""

HIGH_BETA = 1.2
COIN_TOSS = 0.01


def signed(value: pl.Expr, decimals: int) -> pl.Expr:
    """Number with its sign; zero has none."""
    # Adding 0 turns -0 into 0.
    rounded = value.round(decimals) + 0.0
    sign = pl.when(rounded > 0.0).then(pl.lit("+")).otherwise(pl.lit(""))
    return sign + rounded.cast(pl.String)


def percent(value: pl.Expr, decimals: int = 1) -> pl.Expr:
    """Fraction as a signed percentage."""
    return signed(value * 100.0, decimals) + " %"


def texts(frame: pl.DataFrame, agents: Sequence[str], horizon: int) -> pl.DataFrame:
    """Hypothesis, reasoning, insights and risks of every row.

    Parameters
    ----------
    frame
        `symbol`, `score`, `equal_weight_score`, `predicted_alpha`, `predicted_return`,
        `return_low`, `return_high`, `confidence_score`, `disagreement`, `n_agents`, `beta`,
        `market`, `ic`, and for each agent `score.<agent>` (null: it abstained).
    agents
        Voting agents, in the order of reports.
    horizon
        Sessions of the prediction.

    Returns
    -------
    pl.DataFrame
        `investment_hypothesis`, `reasoning_chain`, `key_insights`, `risk_factors`, in the order
        of `frame`.
    """
    sentences = frame.with_columns(_leaders(frame, agents)).select(
        hypothesis=_hypothesis(horizon), **_reasoning(agents), **_insights(), **_risks(agents)
    )
    return pl.DataFrame(
        {
            "investment_hypothesis": sentences.get_column("hypothesis"),
            "reasoning_chain": _lists(sentences, "reason"),
            "key_insights": _lists(sentences, "insight"),
            "risk_factors": _lists(sentences, "risk"),
        }
    )


def _lists(sentences: pl.DataFrame, prefix: str) -> pl.Series:
    """One list a row of the columns that start with `prefix`, without the null ones."""
    columns = [c for c in sentences.get_columns() if c.name.startswith(prefix)]
    width, height = len(columns), sentences.height
    flat = pl.concat([c.alias("text") for c in columns])
    order = np.arange(width * height).reshape(width, height).T.ravel()
    lists = flat.gather(order).reshape((height, width)).arr.to_list()
    return lists.list.drop_nulls() if flat.null_count() else lists


def _leaders(frame: pl.DataFrame, agents: Sequence[str]) -> list[pl.Series]:
    """Names and scores of the agents most for and most against."""
    columns = [frame.get_column(f"score.{name}").fill_null(float("nan")) for name in agents]
    scores = np.stack([column.to_numpy() for column in columns], axis=1)
    best = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=1)
    worst = np.where(np.isnan(scores), np.inf, scores).argmin(axis=1)
    names, row = pl.Series(list(agents), dtype=pl.String), np.arange(len(scores))
    return [
        names.gather(best).alias("best"),
        names.gather(worst).alias("worst"),
        pl.Series("best_score", scores[row, best]),
        pl.Series("worst_score", scores[row, worst]),
    ]


def _hypothesis(horizon: int) -> pl.Expr:
    alpha, ic = pl.col("predicted_alpha"), pl.col("ic")
    side = pl.when(alpha >= 0.0).then(pl.lit("beats")).otherwise(pl.lit("trails"))
    view = pl.format(
        "{} {} the median stock over {} sessions with probability {} %: "
        "{} from the agents, {} expected in all.",
        "symbol",
        side,
        pl.lit(str(horizon)),
        (pl.col("confidence_score") * 100.0).round(1).cast(pl.String),
        percent(alpha, 2),
        percent(pl.col("predicted_return")),
    )
    none = pl.format(
        "{}: the agents have shown no skill so far; only the market's part is expected, "
        "{} over {} sessions.",
        "symbol",
        percent(pl.col("predicted_return")),
        pl.lit(str(horizon)),
    )
    return pl.when(ic > 0.0).then(view).otherwise(none)


def _reasoning(agents: Sequence[str]) -> dict[str, pl.Expr]:
    opinions = [
        pl.concat_str(
            [pl.lit(f"{name} "), signed(pl.col(f"score.{name}"), 2).fill_null("abstains")]
        )
        for name in agents
    ]
    return {
        "reason_1": pl.concat_str(opinions, separator=", ") + ".",
        "reason_2": pl.format(
            "Weighted and ranked: {} (equal weights {}), {} of " + str(len(agents)) + " agents.",
            signed(pl.col("score"), 2),
            signed(pl.col("equal_weight_score"), 2),
            "n_agents",
        ),
        "reason_3": pl.when(pl.col("ic") > 0.0)
        .then(
            pl.format(
                "Skill so far: rank IC {} after shrinkage, so {} beyond the market.",
                signed(pl.col("ic"), 4),
                percent(pl.col("predicted_alpha"), 2),
            )
        )
        .otherwise(pl.lit("Skill so far: none, so nothing beyond the market.")),
        "reason_4": pl.format(
            "Market: beta {} times its historical mean gives {}.",
            pl.col("beta").round(2).cast(pl.String),
            percent(pl.col("market")),
        ),
    }


def _insights() -> dict[str, pl.Expr]:
    best, worst = pl.col("best_score"), pl.col("worst_score")
    return {
        "insight_1": pl.when(best > 0.0)
        .then(pl.format("Most in favour: {} {}.", "best", signed(best, 2)))
        .otherwise(pl.lit("No agent is in favour.")),
        "insight_2": pl.when(worst < 0.0)
        .then(pl.format("Most against: {} {}.", "worst", signed(worst, 2)))
        .otherwise(pl.lit("No agent is against.")),
    }


def _risks(agents: Sequence[str]) -> dict[str, pl.Expr]:
    confidence, gap = pl.col("confidence_score"), pl.col("disagreement")
    return {
        "risk_1": pl.format(
            "80 % interval from {} to {}.",
            percent(pl.col("return_low")),
            percent(pl.col("return_high")),
        ),
        "risk_2": pl.when((confidence - 0.5).abs() <= COIN_TOSS).then(
            pl.lit("The side of the median is close to a coin toss.")
        ),
        "risk_3": pl.when(pl.col("beta") > HIGH_BETA).then(
            pl.format(
                "Beta {}: falls more than the market.", pl.col("beta").round(2).cast(pl.String)
            )
        ),
        "risk_4": pl.when(gap > STRONG_DISAGREEMENT).then(
            pl.format("The agents disagree: sd of scores {}.", gap.round(2).cast(pl.String))
        ),
        "risk_5": pl.when(pl.col("n_agents") < len(agents)).then(
            pl.format(
                "{} of {} agents abstain.", len(agents) - pl.col("n_agents"), pl.lit(len(agents))
            )
        ),
    }
