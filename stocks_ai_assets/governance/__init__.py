"""Unity Catalog: one policy file and the contracts, compared with a server, planned and applied.

Who may do what is in the policy; tables and columns are in the contracts. Nothing here reads data.
"""
