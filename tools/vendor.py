"""Fetch the files of other projects that are kept here, as `VENDORED.toml` beside them says.

Each is taken out of its project's package, and refused where its hash is not the one that is
written down. To take a newer version, change `version` and `package`, run it, look at what changed,
and write down the hash that it tells.
"""

import hashlib
import io
import sys
import tarfile
import tomllib
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 60


def main() -> int:
    """Fetch all; the exit code is 1 where a hash is another one."""
    faults = [
        fault
        for listing in sorted((ROOT / "src").rglob("VENDORED.toml"))
        for fault in renewed(listing, fetched)
    ]
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    return int(bool(faults))


def renewed(listing: Path, fetch: Callable[[str], bytes]) -> list[str]:
    """Write the files that a listing names beside it; return what is wrong with them."""
    faults = []
    for name, entry in tomllib.loads(listing.read_text(encoding="utf-8")).items():
        content = member(fetch(entry["package"]), entry["path"])
        digest = hashlib.sha256(content).hexdigest()
        if digest == entry["sha256"]:
            (listing.parent / name).write_bytes(content)
        else:
            faults.append(f"{name}: {entry['package']} has it with sha256 {digest}")
    return faults


def member(package: bytes, path: str) -> bytes:
    """Return a file of a package."""
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        content = archive.extractfile(path)
        if content is None:
            raise FileNotFoundError(path)
        return content.read()


@cache
def fetched(url: str) -> bytes:
    """Return what is at an address of a package registry."""
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:  # noqa: S310 - https, see above
        content: bytes = answer.read()
        return content


if __name__ == "__main__":
    sys.exit(main())
