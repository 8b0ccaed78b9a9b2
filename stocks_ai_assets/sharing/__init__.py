"""Sharing the lake by the open Delta Sharing protocol: only what a share names, read only.

What is shared comes from the governance policy; who may read it from tokens issued here. No
formula, no writing to the lake.
"""
