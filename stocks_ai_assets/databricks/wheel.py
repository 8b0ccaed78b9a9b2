"""The package as a wheel: what Pipes and jobs install on their compute.

Made by hand from the package that runs now, so it works from a checkout and from an installed
wheel, without a build tool; equal files make equal bytes. What may travel is `code.package_files`.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import metadata

from stocks_ai_assets import __version__
from stocks_ai_assets.databricks.libraries import DISTRIBUTION, pinned_libraries
from stocks_ai_assets.packed import archive, digest, package_files

PACKAGE = "stocks_ai_assets"
"""Name of package and wheel, as `python_wheel_task` takes it."""

PIPES_ENTRY, JOB_ENTRY = "stocks-ai-pipes", "stocks-ai-job"

ENTRY_POINTS = f"""\
[console_scripts]
stocks-ai = stocks_ai_assets.cli.main:main
{JOB_ENTRY} = stocks_ai_assets.cli.remote:job
{PIPES_ENTRY} = stocks_ai_assets.cli.remote:pipes
"""

WHEEL = """\
Wheel-Version: 1.0
Generator: stocks-ai
Root-Is-Purelib: true
Tag: py3-none-any
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """A built wheel.

    Parameters
    ----------
    name
        File name.
    content
        Its bytes.
    hash
        First twelve digits of the hash of its modules and metadata.
    """

    name: str
    content: bytes
    hash: str


@cache
def package_wheel(*, install: bool = True) -> Wheel:
    """Return the package that runs now as a wheel.

    `install`: it asks for the libraries in the versions that run here, else for none.
    """
    return build_wheel(package_files(), pinned_libraries() if install else ())


def build_wheel(files: Mapping[str, bytes], requirements: Sequence[str]) -> Wheel:
    """Build a wheel.

    Parameters
    ----------
    files
        Content of the package by path, as `code.package_files` returns it.
    requirements
        Libraries to install with it.

    Notes
    -----
    The version carries the content's hash. A warm cluster keeps an installed wheel whose version
    it already has; with another version it takes the new code.
    """
    found = digest(archive({**files, "METADATA": _metadata(__version__, requirements)}))
    version = f"{__version__}+{found}"
    info = f"{PACKAGE}-{version}.dist-info"
    inside = {
        **files,
        f"{info}/METADATA": _metadata(version, requirements),
        f"{info}/WHEEL": WHEEL.encode(),
        f"{info}/entry_points.txt": ENTRY_POINTS.encode(),
    }
    record = [_recorded(name, inside[name]) for name in sorted(inside)]
    inside[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    return Wheel(name=f"{PACKAGE}-{version}-py3-none-any.whl", content=archive(inside), hash=found)


def _metadata(version: str, requirements: Sequence[str]) -> bytes:
    """Name, version and libraries; the rest of the project's metadata stays at home."""
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {DISTRIBUTION}",
        f"Version: {version}",
        f"Requires-Python: {metadata(DISTRIBUTION)['Requires-Python']}",
        *(f"Requires-Dist: {requirement}" for requirement in requirements),
    ]
    return ("\n".join(lines) + "\n").encode()


def _recorded(name: str, content: bytes) -> str:
    digested = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    return f"{name},sha256={digested.decode()},{len(content)}"
