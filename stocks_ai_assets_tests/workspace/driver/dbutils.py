"""`dbutils` as far as jobs use it: secrets, files, widgets. Secrets come from the workspace."""

import base64
import json
import pathlib
import shutil
import typing
import urllib.error
import urllib.parse
import urllib.request


class FileInfo(typing.NamedTuple):
    """An entry of `fs.ls`."""

    path: str
    name: str
    size: int
    modificationTime: int  # noqa: N815  # Databricks' name


class SecretMetadata(typing.NamedTuple):
    """An entry of `secrets.list`."""

    key: str


class SecretScope(typing.NamedTuple):
    """An entry of `secrets.listScopes`."""

    name: str


class DBUtils:
    """The global `dbutils`."""

    def __init__(self, spec):
        self.secrets = _Secrets(spec)
        self.fs = _Files()
        self.widgets = _Widgets(spec["parameters"])


class _Secrets:
    def __init__(self, spec):
        self._host, self._token = spec["host"], spec["token"]

    def _ask(self, path, **query):
        url = f"{self._host}/api/2.0/secrets/{path}?{urllib.parse.urlencode(query)}"
        header = {"Authorization": f"Bearer {self._token}"}
        asked = urllib.request.Request(url, headers=header)  # noqa: S310  # the workspace's own URL
        try:
            with urllib.request.urlopen(asked) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)
            raise ValueError(f"{told['error_code']}: {told['message']}") from None

    def getBytes(self, scope, key):  # noqa: N802  # Databricks' name
        return base64.b64decode(self._ask("get", scope=scope, key=key)["value"])

    def get(self, scope, key):
        return self.getBytes(scope, key).decode()

    def list(self, scope):
        return [SecretMetadata(s["key"]) for s in self._ask("list", scope=scope)["secrets"]]

    def listScopes(self):  # noqa: N802  # Databricks' name
        return [SecretScope(s["name"]) for s in self._ask("scopes/list")["scopes"]]


def _local(path):
    if path.startswith("file:"):
        return pathlib.Path(path[5:])
    plain = "/" + path.removeprefix("dbfs:").lstrip("/")
    inside = plain.startswith(("/Volumes/", "/Workspace/"))
    return pathlib.Path(plain if inside else f"/dbfs{plain}")


class _Files:
    def ls(self, path):
        found = []
        for child in sorted(_local(path).iterdir()):
            stat, inner = child.stat(), child.is_dir()
            name = f"{child.name}/" if inner else child.name
            place = f"{path.rstrip('/')}/{name}"
            size = 0 if inner else stat.st_size
            found.append(FileInfo(place, name, size, int(stat.st_mtime * 1000)))
        return found

    def mkdirs(self, path):
        _local(path).mkdir(parents=True, exist_ok=True)
        return True

    def put(self, path, contents, overwrite=False):  # noqa: FBT002  # Databricks' signature
        target = _local(path)
        if target.exists() and not overwrite:
            raise FileExistsError(f"{path} already exists")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(contents)
        return True

    def head(self, path, max_bytes=65536):
        with _local(path).open("rb") as read:
            return read.read(max_bytes).decode(errors="replace")

    def cp(self, source, target, recurse=False):  # noqa: FBT002  # Databricks' signature
        if recurse:
            shutil.copytree(_local(source), _local(target), dirs_exist_ok=True)
        else:
            _local(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_local(source), _local(target))
        return True

    def mv(self, source, target, recurse=False):  # noqa: FBT002  # Databricks' signature
        shutil.move(_local(source), _local(target))
        return True

    def rm(self, path, recurse=False):  # noqa: FBT002  # Databricks' signature
        target = _local(path)
        if not target.exists():
            return False
        if target.is_dir() and recurse:
            shutil.rmtree(target)
        elif target.is_dir():
            target.rmdir()
        else:
            target.unlink()
        return True


class _Widgets:
    def __init__(self, parameters):
        pairs = [p[2:].split("=", 1) for p in parameters if p.startswith("--") and "=" in p]
        self._values = dict(pairs)

    def text(self, name, default, label=None):
        self._values.setdefault(name, default)

    def get(self, name):
        if name not in self._values:
            raise ValueError(f"No input widget named {name} is defined")
        return self._values[name]

    def getAll(self):  # noqa: N802  # Databricks' name
        return dict(self._values)

    def removeAll(self):  # noqa: N802  # Databricks' name
        self._values.clear()
