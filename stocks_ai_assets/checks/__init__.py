"""Asset checks: what a healthy table looks like, judged on the range just written.

Contracts stop wrong rows before they are written; checks look at what a contract cannot see:
missing sessions, old facts, skill that is too good to be true. They warn and never block.
"""
