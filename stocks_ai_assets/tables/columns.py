"""Columns that several contracts share, and short forms that make the unit compulsory."""

from typing import Any

import dataframely as dy

from stocks_ai_assets.tables.spec import MAP

SYMBOL_PATTERN = r"^[A-Z0-9][A-Z0-9.\-]{0,11}$"


def number(unit: str, description: str, *, nullable: bool = True, **limits: Any) -> dy.Float64:
    """A finite float with a unit; null when unknown."""
    return dy.Float64(nullable=nullable, metadata={"unit": unit}, description=description, **limits)


def count(unit: str, description: str, *, nullable: bool = False, **limits: Any) -> dy.Int32:
    """A whole number with a unit."""
    return dy.Int32(nullable=nullable, metadata={"unit": unit}, description=description, **limits)


def text(description: str, *, nullable: bool = False, **limits: Any) -> dy.String:
    """A piece of text."""
    return dy.String(
        nullable=nullable, metadata={"unit": "none"}, description=description, **limits
    )


def flag(description: str, *, nullable: bool = False) -> dy.Bool:
    """A yes or no."""
    return dy.Bool(nullable=nullable, metadata={"unit": "none"}, description=description)


def day(description: str, *, nullable: bool = False, primary_key: bool = False) -> dy.Date:
    """A calendar day."""
    return dy.Date(
        nullable=nullable,
        primary_key=primary_key,
        metadata={"unit": "date"},
        description=description,
    )


def symbol() -> dy.String:
    """Ticker, part of the key."""
    return dy.String(
        primary_key=True,
        regex=SYMBOL_PATTERN,
        metadata={"unit": "none"},
        description="Ticker in the spelling of the source's newest list (BRK-B, META).",
    )


def session() -> dy.Date:
    """Trading session, part of the key."""
    return day("Session after whose close the row was known.", primary_key=True)


def known_on(*, primary_key: bool = True) -> dy.Date:
    """Partition of fact tables."""
    return day(
        "First session whose cutoff is at or after available_at: usable from its close on.",
        primary_key=primary_key,
    )


def available_at() -> dy.Datetime:
    """Moment of publication."""
    return dy.Datetime(
        nullable=False,
        time_zone="UTC",
        time_unit="us",
        metadata={"unit": "UTC"},
        description="When the fact became public; date-only sources: the end of that day.",
    )


def source() -> dy.String:
    """Origin of a fact."""
    return text("Source of the fact; SIMULATED for the simulated market.")


def mapping(unit: str, description: str) -> dy.List:
    """A map from name to number; a Delta map, in polars a list of key-value structs."""
    return dy.List(
        dy.Struct({"key": dy.String(), "value": dy.Float64(nullable=True)}),
        nullable=False,
        metadata={"unit": unit, "delta": MAP},
        description=description,
    )


def texts(description: str) -> dy.List:
    """An ordered list of sentences."""
    return dy.List(dy.String(), nullable=False, metadata={"unit": "none"}, description=description)


def horizon() -> dy.Int32:
    """Holding period, part of the key."""
    return dy.Int32(
        primary_key=True,
        min=1,
        metadata={"unit": "sessions"},
        description="Sessions from entry at the next open to exit.",
    )
