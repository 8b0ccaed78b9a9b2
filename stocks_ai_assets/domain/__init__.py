"""Finance and statistics as pure functions on polars frames and numpy arrays.

Put a computation here when it can be tested with a small frame. No Dagster, Delta, Spark, network,
environment or clock: the import rules fail the build otherwise.
"""
