"""HTML in small pieces: escaped text, tables with units, figures with captions and sources."""

import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stocks_ai_assets.assets.nodes import asset_name
from stocks_ai_assets.reports.charts.theme import Spec
from stocks_ai_assets.reports.wording import NARROW_SPACE
from stocks_ai_assets.tables import TABLES

CATALOG = "stocks_ai"


class Html(str):
    """Text that is HTML already; everything else is escaped."""

    __slots__ = ()


def escaped(text: str) -> Html:
    """Return `text` safe inside an element or attribute; a number keeps its percent sign."""
    if isinstance(text, Html):
        return text
    return Html(html.escape(text.replace(" %", f"{NARROW_SPACE}%")))


def joined(parts: Iterable[str]) -> Html:
    """Put pieces after each other, one a line."""
    return Html("\n".join(escaped(part) for part in parts))


def element(tag: str, *content: str, **attributes: str) -> Html:
    """Return `<tag attributes>content</tag>`; `class_` is the attribute class."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for name, value in attributes.items()
    )
    return Html(f"<{tag}{given}>{joined(content)}</{tag}>")


def link(target: str, text: str) -> Html:
    """Return a link inside the page."""
    return element("a", text, href=f"#{target}")


def embedded_json(value: object) -> Html:
    """Return `value` as JSON that cannot end the script element around it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Html(text.replace("<", "\\u003c"))


def source_line(*tables: str) -> Html:
    """Say which asset wrote the figures, and which contract describes its columns."""
    names = []
    for name in tables:
        contract = TABLES[name].contract
        names.append(
            f"{table_link(name)}, contract "
            f"{element('code', f'{contract.__module__}.{contract.__name__}')}"
        )
    return Html(f'<span class="source">Source: {"; ".join(names)}</span>')


def table_link(name: str) -> Html:
    """Return a link from an asset's name to its row among the tables of the lake."""
    return link(table_anchor(name), asset_name(name))


def table_anchor(table: str) -> str:
    """Anchor of a table's row among the tables of the lake."""
    return f"table-{table.replace('.', '-')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    title
        Head.
    unit
        Unit below the head; empty for names.
    cell
        Text of a row's cell.
    mark
        CSS class of a row's cell, or an empty string.
    """

    title: str
    cell: Callable[[Mapping[str, Any]], str]
    unit: str = ""
    mark: Callable[[Mapping[str, Any]], str] | None = None
    text: bool = False


def table(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    *,
    caption: str,
    sources: Sequence[str] = (),
    anchor: Callable[[Mapping[str, Any]], str] | None = None,
    label: str = "",
) -> Html:
    """Return a table that scrolls sideways where it does not fit.

    Parameters
    ----------
    rows, columns
        Content; the first column names the row.
    caption
        How to read it, one sentence.
    sources
        Tables it comes from.
    anchor
        Identity of a row, for links.
    label
        Title above the table.
    """
    head = "".join(
        f"<th{_kind(column)} scope='col'>{escaped(column.title)}"
        f"{element('small', column.unit) if column.unit else ''}</th>"
        for column in columns
    )
    body = "\n".join(_line(row, columns, anchor) for row in rows)
    title = element("h3", label) if label else Html("")
    below = element("p", caption, source_line(*sources) if sources else "", class_="caption")
    return Html(
        f'{title}<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>{below}"
    )


def _line(
    row: Mapping[str, Any],
    columns: Sequence[Column],
    anchor: Callable[[Mapping[str, Any]], str] | None,
) -> str:
    cells = []
    for i, column in enumerate(columns):
        content = escaped(column.cell(row))
        if i == 0:
            cells.append(f'<th class="text" scope="row">{content}</th>')
            continue
        mark = column.mark(row) if column.mark else ""
        cells.append(f"<td{_kind(column, mark)}>{content}</td>")
    identity = f' id="{escaped(anchor(row))}"' if anchor else ""
    return f"<tr{identity}>{''.join(cells)}</tr>"


def _kind(column: Column, mark: str = "") -> str:
    names = " ".join(name for name in ("text" if column.text else "", mark) if name)
    return f' class="{names}"' if names else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One chart on the page.

    Parameters
    ----------
    anchor
        Identity on the page.
    title
        Head.
    spec
        Vega-Lite specification.
    caption
        How to read it, one sentence.
    sources
        Tables it comes from.
    legend
        Label, CSS colour and form (line, dash, dot, area) of what is drawn.
    """

    anchor: str
    title: str
    spec: Spec
    caption: str
    sources: tuple[str, ...]
    legend: tuple[tuple[str, str, str], ...] = ()

    @property
    def html(self) -> Html:
        """The figure element; the chart is drawn when the page is opened."""
        keys = "".join(
            f'<span><i class="{form}" style="--key:{colour}"></i>{escaped(label)}</span>'
            for label, colour, form in self.legend
        )
        legend = f'<div class="legend">{keys}</div>' if keys else ""
        height = f"min-height:{self.spec['height'] + 40}px"
        return Html(
            f'<figure id="{self.anchor}"><h4>{escaped(self.title)}</h4>{legend}'
            f'<div class="chart" style="{height}">'
            f'<script type="application/json">{embedded_json(self.spec)}</script></div>'
            f"<figcaption>{escaped(self.caption)} {source_line(*self.sources)}</figcaption>"
            "</figure>"
        )


def section(anchor: str, title: str, *content: str, level: int = 2) -> Html:
    """Return a section that the navigation can reach."""
    heading = element(f"h{level}", title)
    return Html(f'<section id="{anchor}">\n{heading}\n{joined(content)}\n</section>')


def missing(what: str, command: str) -> Html:
    """Say what is not there and which command fills it."""
    return Html(f'<p class="missing">{escaped(what)} Fill it with {element("code", command)}.</p>')
