"""Run transforms on Spark: the same functions by their key, the same bits, Delta through Spark.

Needs the extra `spark` and Java 17. No formula belongs here: a function of the domain sees a block
of symbols, sessions or quarters as it would see the whole, in a Python worker.
"""
