"""Java and Delta's two jars: what local Spark needs beyond Python packages.

Java is brought by the user. The jars are fetched once by the Ivy that pyspark ships, and are
checked against their pinned hashes: whatever repository they came from, they are these files.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stocks_ai_assets.errors import SparkError

JAVA = 17
"""Oldest Java that Spark 4.2 runs on."""

JARS = {
    "delta-spark_4.2_2.13-4.4.0.jar": (
        "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead"
    ),
    "delta-storage-4.4.0.jar": "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
}

CONNECTOR = "unitycatalog-spark"
"""Begins the name of the jar that asks a Unity Catalog server; the user brings it."""

_IVY = """<ivy-module version="2.0">
  <info organisation="stocks-ai" module="jars"/>
  <configurations><conf name="default"/></configurations>
  <dependencies defaultconf="default->master">
    <dependency org="io.delta" name="delta-spark_4.2_2.13" rev="4.4.0" transitive="false"/>
    <dependency org="io.delta" name="delta-storage" rev="4.4.0" transitive="false"/>
  </dependencies>
</ivy-module>
"""
"""What they need besides is newer in pyspark itself."""


def default_folder() -> Path:
    """Folder of the jars in this Python environment."""
    return Path(sys.prefix) / "share" / "stocks-ai" / "jars"


def require_java() -> str:
    """Return the path of `java`, or raise `SparkError`: none, or one that is too old."""
    java = shutil.which("java")
    if java is None:
        raise SparkError(
            f"Spark needs Java {JAVA} or newer, and there is no `java` on the path. Install it "
            f"(Debian: openjdk-{JAVA}-jre-headless), or set STOCKS_AI_ENGINE=local."
        )
    finished = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603  # found on the path
    version = java_version(finished.stderr + finished.stdout)
    if version is None or version < JAVA:
        found = f"Java {version}" if version else "something that does not tell its version"
        raise SparkError(
            f"Spark needs Java {JAVA} or newer, {java} is {found}. Put a newer one first on the "
            "path, or set STOCKS_AI_ENGINE=local."
        )
    return java


def java_version(text: str) -> int | None:
    """Return the major version that `java -version` prints; None: it prints none."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found[1]) if found else None


def require_jars(folder: Path | None) -> list[Path]:
    """Return the jars in `folder` (None: this environment's), or raise `SparkError`."""
    where = folder or default_folder()
    missing = [name for name in JARS if not (where / name).is_file()]
    if missing:
        raise SparkError(
            f"Delta's jars are missing from {where}: {', '.join(missing)}. "
            "Run `stocks-ai spark jars` (in a checkout `make jars`) once."
        )
    return [where / name for name in JARS]


def require_connector(folder: Path | None) -> list[Path]:
    """Return the jars of the `unitycatalog` connector in `folder`, or raise `SparkError`."""
    where = folder or default_folder()
    found = sorted(where.glob("unitycatalog-*.jar"))
    if not any(jar.name.startswith(CONNECTOR) for jar in found):
        raise SparkError(
            f"STOCKS_AI_SPARK_CATALOG_URI needs the connector's jar {CONNECTOR}*.jar in {where}, "
            "with what it needs (unitycatalog-client-*.jar, or its assembly). Put it there, or "
            "unset the variable."
        )
    return found


def fetch_jars(folder: Path | None = None) -> Path:
    """Fetch what is missing of Delta's jars into `folder`, check it, and return the folder.

    Raises
    ------
    SparkError
        No Java, no pyspark, the repository cannot be reached, or a file is not the pinned one.
    """
    where = folder or default_folder()
    if all(_is_pinned(where / name) for name in JARS):
        return where
    java, ivy = require_java(), _ivy()
    where.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=where) as scratch:
        module = Path(scratch) / "ivy.xml"
        module.write_text(_IVY, encoding="utf-8")
        pattern = f"{scratch}/[artifact]-[revision].[ext]"
        command = [java, "-jar", str(ivy), "-ivy", str(module), "-cache", f"{scratch}/cache"]
        command += ["-retrieve", pattern, "-warn", "-confs", "default"]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own words
        for name, digest in JARS.items():
            fetched = Path(scratch) / name
            if not fetched.is_file():
                raise SparkError(
                    f"{name} could not be fetched (Ivy ended with {finished.returncode}). "
                    "Check the network or copy the file there by hand: "
                    f"{where / name}. `java -jar {ivy.name}` said: {_last_line(finished.stdout)}"
                )
            if not _is_pinned(fetched):
                raise SparkError(
                    f"{name} is not the pinned file: its SHA-256 should be {digest}. "
                    "The repository gave another one; nothing was kept."
                )
            fetched.replace(where / name)
    return where


def _ivy() -> Path:
    try:
        import pyspark
    except ImportError as error:
        raise SparkError(
            "Spark needs the extra `spark` (pyspark, delta-spark): install "
            "stocks-ai-assets[spark], in a checkout `make env-all`."
        ) from error
    found = sorted((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
    if not found:
        raise SparkError("pyspark has no Ivy among its jars. Install pyspark 4.2.0 from PyPI.")
    return found[-1]


def _is_pinned(file: Path) -> bool:
    if not file.is_file():
        return False
    return hashlib.sha256(file.read_bytes()).hexdigest() == JARS[file.name]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip(" .\t")]
    return lines[-1][:200] if lines else "nothing"
