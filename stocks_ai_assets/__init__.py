"""Facts -> signals -> eight agents -> synthesis -> portfolio: Dagster assets over Delta tables."""

__version__ = "0.1.0"
