"""A home of their own for the kernels that a build or a test starts."""

import os
from pathlib import Path

FOLDERS = ("XDG_DATA_HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")


def move_into(home: Path) -> None:
    """This process and its children keep progress, history and settings under `home`, not the person's own."""
    for name in FOLDERS:
        folder = home / name.lower()
        folder.mkdir(mode=0o700)
        os.environ[name] = str(folder)
