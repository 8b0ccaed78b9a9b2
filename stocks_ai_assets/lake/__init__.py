"""The lake: Delta tables that hold every fact and every result, written through their contracts.

Reads pin one version, writes replace whole partitions, and content that is already stored changes
nothing. No Dagster, no settings and no finance belong here.
"""

from stocks_ai_assets.lake.content import content_hash
from stocks_ai_assets.lake.coverage import Segment
from stocks_ai_assets.lake.lake import Lake
from stocks_ai_assets.lake.records import Commit, Fingerprint
from stocks_ai_assets.lake.writing import Stamps, Written

__all__ = [
    "Commit",
    "Fingerprint",
    "Lake",
    "Segment",
    "Stamps",
    "Written",
    "content_hash",
]
