"""The command line. Commands parse, call, and print; results are computed elsewhere.

Nothing heavy is imported at the top of these modules: `stocks-ai --help` must stay quick.
"""
