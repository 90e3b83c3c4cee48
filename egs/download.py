"""Stage 0 of every recipe: fetch a corpus and unpack it.

python egs/download.py archive URL SHA256 DIRECTORY --max-gigabytes 4
python egs/download.py git URL COMMIT DIRECTORY
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from core.data.archives import extract
from core.data.download import Progress, fetch, fetch_commit
from core.errors import InputError

GIGABYTE = 10**9


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A bar on stderr that counts bytes."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=("archive", "git"))
    parser.add_argument("url")
    parser.add_argument("checksum", help="SHA-256 of the archive, or the commit")
    parser.add_argument("directory", type=Path, help="where the corpus goes")
    parser.add_argument(
        "--max-gigabytes", type=float, default=1.0, help="most it may have, packed or unpacked"
    )
    options = parser.parse_args()
    try:
        if options.kind == "git":
            fetch_commit(options.url, options.directory, options.checksum)
            return 0
        name = PurePosixPath(urlsplit(options.url).path).name
        archive = options.directory.parent / name
        most = int(options.max_gigabytes * GIGABYTE)
        if not options.directory.is_dir():
            with progress_bar(name) as progress:
                fetch(options.url, archive, options.checksum, most, progress=progress)
            extract(archive, options.directory, most)
    except (InputError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
