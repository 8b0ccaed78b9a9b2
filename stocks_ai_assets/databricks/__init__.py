"""Work on a Databricks workspace: steps and jobs that run there and report back here.

What runs is the same package with the same settings; no formula lives here.
"""
