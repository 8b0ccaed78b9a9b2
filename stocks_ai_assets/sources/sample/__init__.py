"""A seeded simulated market with every kind of fact, for demos, tests and benchmarks.

What is in it and why:

* Returns are market, sector and company news with persistent volatility, so volatility and beta
  can be estimated. The market's premium is constant: nobody can time it.
* **Skill is planted in two agents**, valuation and technical: the expected return of a company's
  own part leans towards the rank of their characteristic as known at the close before, so that the
  rank correlation of the score with the residual return over 21 sessions is 0.08 for each in
  expectation (`PLANTED`). In one run of four years and 60 companies it comes out as 0.08 +- 0.02.
* All other agents have none: what moves prices is drawn independently of what they look at. What
  they show is chance and the little by which their scores resemble a planted one (sector momentum
  about 0.01, because neutral ranks of few members keep part of their sector's).
* Real data's defects are planted in named companies (`TRAPS`).

A longer simulation repeats a shorter one with the same seed and companies: no fact depends on a
later draw. Files are as a vendor delivers them, adjusted for splits as of the last session.
"""

from stocks_ai_assets.sources.sample.simulation import (
    simulate,
    simulate_lake,
    write_folder,
)
from stocks_ai_assets.sources.sample.skill import PLANTED
from stocks_ai_assets.sources.sample.traps import TRAPS

__all__ = ["PLANTED", "TRAPS", "simulate", "simulate_lake", "write_folder"]
