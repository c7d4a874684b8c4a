"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import BadInput


def write_whole(path: str | Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old one or the new one, never a half. Raises BadInput where it cannot be written.

    A pipe or another special file is written to as it is: `--pcap >(wireshark -k -i -)` works.
    """
    is_special = Path(path).exists() and not Path(path).is_file()
    target = Path(path) if is_special else Path(os.path.realpath(path))
    draft = target if is_special else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        if not is_special:
            draft.replace(target)
    except OSError as error:
        if not is_special:
            draft.unlink(missing_ok=True)
        raise BadInput(
            str(path), f"it cannot be written ({error.strerror})", "name a file in a folder that is yours"
        ) from None
