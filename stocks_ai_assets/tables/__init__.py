"""Table contracts: the one place that names columns, keys and units.

Add a table here before writing the asset that fills it. Computation does not belong here.
"""

from stocks_ai_assets.errors import UnknownNameError
from stocks_ai_assets.tables import evaluation, market, portfolio, predictions, signals
from stocks_ai_assets.tables.spec import Table


def _fact(name: str, contract: type) -> Table:
    return Table(name=f"market.{name}", contract=contract, partition="known_on", kind="fact")


_ALL = (
    _fact("prices", market.Prices),
    _fact("corporate_actions", market.CorporateActions),
    _fact("benchmarks", market.Benchmarks),
    _fact("company_facts", market.CompanyFacts),
    _fact("macro_observations", market.MacroObservations),
    _fact("earnings", market.Earnings),
    _fact("analyst_ratings", market.AnalystRatings),
    _fact("esg_ratings", market.EsgRatings),
    _fact("companies", market.Companies),
    _fact("index_members", market.IndexMembers),
    Table(
        name="market.quarantine",
        contract=market.Quarantine,
        partition="known_on",
        kind="fact",
        slice="source_table",
    ),
    Table(name="signals.technical", contract=signals.Technical, partition="session"),
    Table(name="signals.risk", contract=signals.Risk, partition="session"),
    Table(name="signals.sector", contract=signals.Sector, partition="session"),
    Table(name="signals.fundamentals", contract=signals.Fundamentals, partition="session"),
    Table(name="signals.valuation", contract=signals.Valuation, partition="session"),
    Table(name="signals.macro", contract=signals.Macro, partition="session"),
    Table(name="signals.events", contract=signals.Events, partition="session"),
    Table(name="signals.esg", contract=signals.Esg, partition="session"),
    Table(
        name="agents.models",
        contract=predictions.Models,
        partition="quarter",
        partitioned_by="quarter",
        slice="model",
    ),
    Table(
        name="agents.predictions",
        contract=predictions.Predictions,
        partition="prediction_date",
        slice="agent",
    ),
    Table(
        name="meta.supervisor_models",
        contract=predictions.SupervisorModels,
        partition="quarter",
        partitioned_by="quarter",
    ),
    Table(
        name="meta.synthesized_predictions",
        contract=predictions.SynthesizedPredictions,
        partition="prediction_date",
    ),
    Table(name="evaluation.outcomes", contract=evaluation.Outcomes, partition="matured_on"),
    Table(
        name="evaluation.agent_skill",
        contract=evaluation.AgentSkill,
        partition="quarter",
        partitioned_by="quarter",
    ),
    Table(
        name="evaluation.calibration",
        contract=evaluation.Calibration,
        partition="quarter",
        partitioned_by="quarter",
    ),
    Table(
        name="evaluation.performance",
        contract=evaluation.Performance,
        partition="quarter",
        partitioned_by="quarter",
    ),
    Table(
        name="evaluation.var_backtests",
        contract=evaluation.VarBacktests,
        partition="quarter",
        partitioned_by="quarter",
    ),
    Table(
        name="evaluation.trials",
        contract=evaluation.Trials,
        partition="",
        partitioned_by="none",
    ),
    Table(name="portfolio.target_weights", contract=portfolio.TargetWeights, partition="session"),
    Table(name="portfolio.returns", contract=portfolio.Returns, partition="session"),
    Table(name="portfolio.risk", contract=portfolio.Risk, partition="session"),
)

TABLES: dict[str, Table] = {table.name: table for table in _ALL}
"""Every table by name, in the order of the data flow."""


def table(name: str) -> Table:
    """Return the table `name`, or raise `UnknownNameError` with the names there are."""
    if name in TABLES:
        return TABLES[name]
    raise UnknownNameError(f"No table `{name}`. Tables: {', '.join(TABLES)}.")
