"""Unity Catalog of the local workspace: REST API, SQL statements, and what they enforce.

State is one collection of JSON documents, `unity`, keyed `kind:full.name`. `routes.py` joins the
modules; `Unity` (in `catalog.py`) is the state, `access.py` says who may do what.
"""
