"""One task: libraries on the path, the globals of a driver, then the file or the entry point."""

import builtins
import importlib
import importlib.metadata
import json
import pathlib
import runpy
import sys
import traceback
import types

from . import before, skew
from .dbutils import DBUtils
from .session import LazyContext, LazySession, install_sessions


def carry_out(spec: dict, gateway=None) -> int:
    """Do the task; return the exit code. The error is left in `result.json`."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    sys.path[:] = [path for path in sys.path if path != "/databricks/launcher"]
    sys.path[:0] = spec["paths"]
    importlib.invalidate_caches()
    code, told = 0, {}
    try:
        if spec.get("skew"):
            skew.pretend(*spec["skew"])
        if spec.get("before_call"):
            before.before_call(*spec["before_call"])
        install_sessions(spec, gateway)
        _do(spec, _globals(spec))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if code:
            told = {"error": f"SystemExit: {end.code}", "error_trace": traceback.format_exc()}
    except BaseException as error:  # noqa: BLE001  # whatever the work raised is its result
        code = 1
        trace = traceback.format_exc()
        told = {"error": f"{type(error).__name__}: {error}", "error_trace": trace}
        sys.stderr.write(trace)
    pathlib.Path(spec["folder"], "result.json").write_text(json.dumps(told))
    return code


def _do(spec, shown):
    if spec["kind"] == "spark_python_task":
        sys.argv = [spec["file"], *spec["parameters"]]
        runpy.run_path(spec["file"], init_globals=shown, run_name="__main__")
        return
    sys.argv = [spec["package"], *spec["parameters"]]
    name, wanted = spec["package"], spec["entry_point"]
    try:
        points = importlib.metadata.distribution(name).entry_points
    except importlib.metadata.PackageNotFoundError:
        points = ()
    for point in points:
        if point.name == wanted:
            point.load()()
            return
    module = importlib.import_module(name)
    if not hasattr(module, wanted):
        raise AttributeError(f"package {name} has no entry point {wanted}")
    getattr(module, wanted)()


def _globals(spec):
    shown = {"spark": LazySession(spec), "dbutils": DBUtils(spec)}
    if not spec["serverless"]:
        shown["sc"] = LazyContext()
    builtins.dbutils = shown["dbutils"]
    _install_runtime(spec, shown)
    return shown


def _install_runtime(spec, shown):
    """Stand in for `dbruntime`: the SDK finds its credentials and globals there."""
    runtime = types.ModuleType("dbruntime")
    provider = types.ModuleType("dbruntime.sdk_credential_provider")
    header = {"Authorization": f"Bearer {spec['token']}"}
    provider.init_runtime_native_auth = lambda: (spec["host"], lambda: dict(header))

    class UserNamespaceInitializer:
        @classmethod
        def getOrCreate(cls):  # noqa: N802  # Databricks' name
            return cls()

        def get_namespace_globals(self):
            return shown

    runtime.UserNamespaceInitializer = UserNamespaceInitializer
    runtime.sdk_credential_provider = provider
    runtime.dbutils = shown["dbutils"]
    sys.modules["dbruntime"] = runtime
    sys.modules["dbruntime.sdk_credential_provider"] = provider
