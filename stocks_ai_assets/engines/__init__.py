"""How a transform is run: its inputs are read, its function is called, its rows are written.

No formula and no Dagster belongs here. `local` runs in the process with polars.
"""
