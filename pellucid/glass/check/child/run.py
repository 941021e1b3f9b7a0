"""Begin the child: `python -I run.py FOLDER PACKAGES`, with the request in FOLDER, and NumPy in PACKAGES.

The package of this file is loaded under a name of its own: without importing pellucid, which takes longer than the
check, and without leaving a name on the path that the learner's own modules might have.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

NAME = "_pellucid_check_child"


def _session() -> object:
    here = Path(__file__).parent
    if sys.argv[2] not in sys.path:  # NumPy of a user's own site, which -I leaves out
        sys.path.append(sys.argv[2])
    specification = importlib.util.spec_from_file_location(
        NAME, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert specification is not None
    assert specification.loader is not None
    package = importlib.util.module_from_spec(specification)
    sys.modules[NAME] = package
    specification.loader.exec_module(package)
    return importlib.import_module(f"{NAME}.session").main(Path(sys.argv[1]))


if __name__ == "__main__":
    _session()
