import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.reports import ReportData, build_page
from stocks_ai_assets.reports.markup import embedded_json
from stocks_ai_assets.reports.wording import percent, score_title, strategy_title
from stocks_ai_assets.tables import TABLES

VOID = {"meta", "br", "img", "link", "input", "hr"}
SECTIONS = (
    "verdict",
    "provenance",
    "skill",
    "calibration",
    "performance",
    "risk",
    "supervisor",
    "agents",
    "quality",
)


class Page(HTMLParser):
    """Elements by id, nesting, and the cells of every table row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.attributes += [(name, value or "") for name, value in attrs]
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.targets.add(given["href"].removeprefix("#"))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"script", "style"}:
            self.text += data
            if self.rows and {"td", "th"} & set(self.open):
                self.rows[-1][-1] += data

    def row(self, *start: str) -> list[str]:
        return next(row for row in self.rows if tuple(row[: len(start)]) == start)


@pytest.fixture(scope="module")
def parsed(page: str) -> Page:
    return Page(page)


def test_made_up_results_keep_the_contracts(luck):
    for name, frame in (
        ("evaluation.agent_skill", luck.skill),
        ("evaluation.calibration", luck.calibration),
        ("evaluation.performance", luck.performance),
        ("evaluation.var_backtests", luck.var_backtests),
        ("portfolio.returns", luck.returns),
        ("portfolio.risk", luck.risk),
        ("agents.models", luck.models),
        ("meta.supervisor_models", luck.supervisor_models),
        ("meta.synthesized_predictions", luck.latest),
    ):
        TABLES[name].contract.validate(frame)


def test_the_page_names_no_address_of_another_site(page):
    assert re.findall(r"https?://", page) == []
    assert re.findall(r"""(?:src|href)=["'](?!#)""", page.split("<script>")[0]) == []


def test_the_browser_is_told_to_load_nothing(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none';")


def test_the_page_is_well_formed_and_its_links_lead_somewhere(parsed):
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.targets <= set(parsed.ids)


def test_all_sections_stand_in_the_order_of_the_reader(parsed):
    assert [name for name in parsed.ids if name in SECTIONS] == list(SECTIONS)


def test_every_agent_of_the_registry_has_its_page_and_its_link(parsed):
    for agent in AGENTS:
        assert f"agent-{agent.name}" in parsed.ids
        assert f"agent-{agent.name}" in parsed.targets
        assert agent.title in parsed.text
        assert agent.sources in parsed.text


@pytest.mark.parametrize(
    "options",
    [{}, {"means": {"technical": 0.035}, "edge": 0.12}, {"means": {"risk": -0.032}}],
)
def test_the_page_never_calls_a_figure_proven(made, options):
    text = Page(build_page(made(**options))).text
    assert re.findall(r"(?i)\w*(?:provabl|proof|proven(?!ance))\w*|95 % band", text) == []


def test_the_skill_table_says_what_luck_does_and_what_its_band_covers(parsed):
    caption = parsed.text[parsed.text.index("early evidence below 1,260") :][:700]
    assert f"cover about {percent(0.91, 0)} under overlapping labels" in caption
    assert "about 0.1 of 10 scores" in caption


def test_trials_are_those_evaluated_in_this_lake(parsed):
    assert parsed.text.count("trials evaluated in this lake") == 3


def test_the_same_data_give_the_same_bytes(luck, page):
    assert build_page(luck) == page


def test_the_order_of_rows_does_not_matter(luck, page):
    shuffled = {
        name: getattr(luck, name).sample(fraction=1.0, shuffle=True, seed=1)
        for name in (
            "skill",
            "calibration",
            "performance",
            "var_backtests",
            "returns",
            "risk",
            "models",
            "latest",
            "names",
            "presence",
            "inventory",
            "quarantine",
        )
    }
    assert build_page(replace(luck, **shuffled)) == page


def test_ten_years_of_results_stay_below_two_megabytes(page):
    assert len(page.encode()) < 2_000_000


def test_simulated_results_say_so_in_title_banner_and_navigation(simulated, page):
    shown = build_page(simulated)
    assert "<title>SIMULATED" in shown
    assert '<b class="badge">SIMULATED</b>' in shown
    assert "<strong>SIMULATED</strong>" in shown
    assert "SIMULATED" not in page


def test_skill_in_the_table_is_the_skill_in_the_lake(luck, parsed):
    known = luck.skill.filter(
        (pl.col("quarter") == luck.quarter)
        & (pl.col("window") == "all")
        & (pl.col("label") == "residual")
    )
    for row in known.filter(pl.col("agent") != "macro").iter_rows(named=True):
        cells = parsed.row(score_title(row["agent"]), "residual")
        shown = [cells[2], cells[3], cells[5]]
        expected = [
            f"{row['n_sessions']:,}",
            f"{row['rank_ic']:.4f}",
            f"{row['t_newey_west']:.2f}",
        ]
        assert shown == [text.replace("-", "\N{MINUS SIGN}") for text in expected]


def test_performance_in_the_table_is_the_performance_in_the_lake(luck, parsed):
    for row in luck.performance.iter_rows(named=True):
        cells = parsed.row(strategy_title(row["strategy"]), f"{row['n_sessions']:,}")
        assert cells[2] == percent(row["annual_return"])
        assert cells[4] == f"{row['sharpe']:.2f}".replace("-", "\N{MINUS SIGN}")
        assert cells[9] == percent(row["max_drawdown"])


def test_breaches_in_the_table_are_the_breaches_in_the_lake(luck, parsed):
    for row in luck.var_backtests.iter_rows(named=True):
        cells = parsed.row(strategy_title(row["strategy"]), percent(row["level"], 0))
        assert cells[2:4] == [f"{row['n_sessions']:,}", str(row["n_breaches"])]
        assert cells[5] == f"{row['kupiec_p']:.3f}"


def test_a_missing_number_is_a_dash_and_not_a_zero(luck):
    unknown = luck.performance.with_columns(sharpe=pl.lit(None, pl.Float64))
    cells = Page(build_page(replace(luck, performance=unknown))).row("Long-short")
    assert cells[4] == "\N{EN DASH}"


def test_texts_of_the_data_cannot_become_markup(luck, page):
    assert "<above median>" not in page
    assert html.escape("<above median>") in page
    evil = luck.quarantine.with_columns(reason=pl.lit("</script><script>alert(1)</script>"))
    shown = build_page(replace(luck, quarantine=evil))
    assert "<script>alert(1)" not in shown
    assert Page(shown).open == []


def test_a_text_in_a_chart_cannot_end_its_script():
    value = {"score": "</script><b>"}
    assert "<" not in embedded_json(value)
    assert json.loads(embedded_json(value)) == value


def specs(page: str) -> list[dict]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', page)
    return [json.loads(text) for text in found]


def test_every_chart_has_a_caption_with_its_source(page):
    figures = re.findall(r"<figure .*?</figure>", page, flags=re.DOTALL)
    assert len(figures) == len(specs(page)) > 20
    for figure in figures:
        assert re.search(r"<figcaption>.{40,}Source: ", figure, flags=re.DOTALL)
        assert "contract <code>stocks_ai_assets.tables." in figure


def test_the_wealth_drawn_last_is_the_product_of_the_stored_returns(luck, page):
    spec = next(s for s in specs(page) if s["description"].startswith("Wealth"))
    drawn = pl.read_csv(spec["data"]["values"].encode(), try_parse_dates=True)
    start = luck.returns.filter((pl.col("strategy") == "long_only") & (pl.col("n_long") > 0))
    since = luck.returns.filter(pl.col("session") >= start["session"].min())
    last = drawn.row(-1, named=True)
    assert last["session"] == since["session"].max()
    for name in ("long_only", "long_short", "equal_agents", "market", "equal_weight"):
        earned = since.filter(pl.col("strategy") == name)["net_return"]
        assert last[name] == pytest.approx((1 + earned).product(), rel=1e-5)


def test_the_deepest_fall_is_drawn_although_lines_are_thinned(luck, page):
    spec = next(s for s in specs(page) if s["description"].startswith("Fall"))
    drawn = pl.read_csv(spec["data"]["values"].encode())
    earned = luck.returns.filter((pl.col("strategy") == "long_only") & (pl.col("n_long") > 0))
    level = (1 + earned.sort("session")["net_return"]).cum_prod()
    assert drawn["long_only"].min() == pytest.approx((level / level.cum_max() - 1).min(), rel=1e-5)


def test_long_lines_are_thinned_to_weeks_and_say_so_but_every_breach_is_drawn(luck, page):
    wealth = next(s for s in specs(page) if s["description"].startswith("Wealth"))
    sessions = luck.returns["session"].n_unique()
    assert len(wealth["data"]["values"].splitlines()) < sessions / 4
    assert "one point a week" in page
    risk = next(s for s in specs(page) if s["description"].startswith("Net returns"))
    drawn = sum(line.endswith(("true", "false")) for line in risk["data"]["values"].splitlines())
    assert (
        drawn == luck.risk.filter((pl.col("strategy") == "long_only") & pl.col("breach_95")).height
    )


def test_an_empty_lake_gives_a_page_that_says_how_to_fill_it(nothing):
    shown = build_page(nothing)
    parsed = Page(shown)
    assert parsed.open == []
    assert [name for name in parsed.ids if name in SECTIONS] == list(SECTIONS)
    assert {f"agent-{agent.name}" for agent in AGENTS} <= set(parsed.ids)
    assert "Nothing to judge yet." in parsed.text
    for table in ("evaluation/agent_skill", "portfolio/returns", "meta/synthesized_predictions"):
        assert f"stocks-ai backfill --select '+key:\"{table}\"'" in parsed.text


@pytest.mark.parametrize(
    "name",
    [
        "skill",
        "calibration",
        "performance",
        "var_backtests",
        "returns",
        "risk",
        "models",
        "supervisor_models",
        "latest",
        "names",
        "presence",
        "inventory",
        "gaps",
        "quarantine",
    ],
)
def test_any_single_empty_table_leaves_a_whole_page(luck: ReportData, name: str):
    partial = replace(luck, **{name: getattr(luck, name).clear()})
    assert Page(build_page(partial)).open == []


def test_provenance_names_source_costs_code_versions_and_hashes(luck, parsed):
    block = parsed.text[parsed.text.index("Provenance") :][:3000]
    for text in ("folder", "60 symbols", "21 sessions", "5.0 bp one way", "0.1.0+abc12345"):
        assert text in block
    skill = luck.inventory.filter(pl.col("table") == "evaluation.agent_skill")
    assert skill.item(0, "content_hash")[:12] in block


def test_gaps_and_quarantine_are_listed_with_the_remedy(parsed):
    assert "high_is_the_highest" in parsed.text
    row = parsed.row("agents.predictions", "esg")
    assert row[4] == "5"
    assert row[5].endswith("--from 2020-03-02 --to 2020-03-06")
