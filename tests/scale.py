# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""How much to do, and from which seed."""

import os
import random

SEED = int(os.environ.get("TESSERA_SEED") or random.randrange(1 << 31))
SOAK = bool(os.environ.get("TESSERA_SOAK"))


def scaled(count):
    """How often to do something: counts above 100 run at 1/20, but in tests/soak."""
    return count if SOAK or count <= 100 else max(1, count // 20)
