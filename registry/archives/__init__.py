"""The parts behind `registry.archive`: two strict container readers and what must lie inside a wheel and an sdist.

Nothing here extracts. The container readers are our own because the check must refuse what any client could read in two
ways, and `zipfile` and `tarfile` are built to make the best of such files.
"""
