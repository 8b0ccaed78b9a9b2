"""SQL statements of Unity Catalog, applied to its state: a strict grammar, never a silent success.

Governance statements are read by `grammar.py`; queries by sqlglot and run by DataFusion over the
tables' own files. What is not understood fails.
"""
