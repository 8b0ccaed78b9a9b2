"""Assets: they name inputs, call one function of the domain, and describe the result.

One factory per kind: facts from the source, tables computed by a transform, the ledger of trials.
"""
