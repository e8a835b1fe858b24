"""The namespace that the Structs of ``structs.py`` are put into as they are made; empty on purpose.

Types refer to one another in circles, so msgspec resolves their names late, in the module they belong to.
"""
