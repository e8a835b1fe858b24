"""The namespace that the Structs of ``structs.py`` are put into as they are made; empty on purpose.

Types refer to one another in circles, so msgspec resolves their names late, in the module they belong to.
"""

from __future__ import annotations

import decimal
from typing import Annotated, Literal, Union

import msgspec

__all__ = ["Annotated", "Literal", "Union", "decimal", "msgspec"]
