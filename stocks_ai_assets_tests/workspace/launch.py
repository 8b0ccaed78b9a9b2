"""One attempt at a task made ready: its cluster, environment, libraries; then its process."""

import json
import re
import shutil
import sysconfig
import time
from pathlib import Path

from stocks_ai_assets_tests.workspace import clusters, libraries, processes
from stocks_ai_assets_tests.workspace.errors import Refused
from stocks_ai_assets_tests.workspace.secret_scopes import value_of
from stocks_ai_assets_tests.workspace.workspace_files import require_read

SECRET = re.compile(r"\{\{secrets/([^/{}]+)/([^/{}]+)\}\}")
RUNTIMES = {"19.x-scala2.13": "19.0", "18.x-scala2.13": "18.0"}
TOKEN_SECONDS = 24 * 3600


class LaunchError(Exception):
    """The attempt ends before its work began; `code` is the termination's."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class Launch:
    """What one attempt needs to start, and what is left when it ended."""

    def __init__(self, workspace, run: dict, task: dict):
        self.workspace, self._run, self._task = workspace, run, task
        self.folder = workspace.folder / "runs" / str(task["run_id"])
        self._principal = workspace.identities.principal(
            run["run_as_kind"], run["run_as_user_name"]
        )
        self.cluster_id, self._spec, self._existing = None, {}, False
        self._token, self._lost, self._warm = None, False, None

    def start(self, cancelled):
        """Return the running process; none if the run was cancelled while waiting."""
        try:
            self.workspace.compute.check_permitted()
        except processes.NotPermittedError as error:
            raise LaunchError("INTERNAL_ERROR", str(error)) from None
        self._find_cluster(cancelled)
        if cancelled.is_set():
            return None
        self.folder.mkdir(parents=True)
        paths = self._install()
        work = self._work()
        passed = self._resolved(self._spec.get("spark_env_vars") or {})
        runtime = RUNTIMES.get(self._spec.get("spark_version"), "client.4.0")
        cwd = self.folder
        environment = processes.environment_of(passed, cwd, runtime)
        conf = self._conf()
        spec = {**work, "paths": paths, "conf": conf, **self._about()}
        spec |= {"folder": str(cwd), "environment": environment}
        if self._existing:
            return self._fork(spec, conf, passed, runtime)
        out, err = (cwd / "stdout").open("wb"), (cwd / "stderr").open("wb")
        with out, err:
            return processes.Driver(
                self.workspace,
                "main",
                spec,
                environment=environment,
                cwd=cwd,
                mounts=(cwd,),
                output=(out, err),
            )

    def _fork(self, spec, conf, passed, runtime):
        home = self.workspace.folder / "clusters" / self.cluster_id
        environment = processes.environment_of(passed, home, runtime)
        try:
            self._warm = self.workspace.compute.warm(
                self.cluster_id, {"conf": conf, "environment": environment}, environment
            )
        except (RuntimeError, processes.NotPermittedError) as error:
            raise LaunchError("DRIVER_ERROR", str(error)) from None
        return self._warm.run(self._task["run_id"], spec)

    def _find_cluster(self, cancelled):
        task, run = self._task, self._run
        if task.get("existing_cluster_id"):
            self.cluster_id, self._existing = task["existing_cluster_id"], True
            self._wait_for_cluster(cancelled)
        elif task.get("job_cluster_key"):
            self.cluster_id, self._spec = self._job_cluster(task["job_cluster_key"])
        elif task.get("new_cluster"):
            self.cluster_id, self._spec = self._new_cluster(task["new_cluster"])
        with self.workspace.lock:
            if self.cluster_id:
                document = self.workspace.collection("clusters")[self.cluster_id]
                context = str(document["spark_context_id"])
                task["cluster_instance"] = {
                    "cluster_id": self.cluster_id,
                    "spark_context_id": context,
                }
        self._environments = {
            e["environment_key"]: e.get("spec") or {}
            for e in run["settings"].get("environments") or ()
        }

    def _wait_for_cluster(self, cancelled):
        while not cancelled.is_set():
            with self.workspace.lock:
                document = self.workspace.collection("clusters").get(self.cluster_id)
                if document is None:
                    message = f"Cluster {self.cluster_id} does not exist"
                    raise LaunchError("CLUSTER_ERROR", message)
                if document["state"] == "TERMINATED":
                    self.workspace.compute.start_cluster(self.cluster_id)
                elif document["state"] == "RUNNING":
                    self._spec = document["spec"]
                    return
            time.sleep(0.02)

    def _new_cluster(self, spec):
        with self.workspace.lock:
            try:
                spec = clusters.checked_spec(self.workspace, self._principal, spec)
            except Refused as refused:
                message = f"A cluster could not be made: {refused.message}"
                raise LaunchError("CLUSTER_ERROR", message) from None
            key = clusters.new_id(self.workspace)
            name = f"job-{self._run['job_id']}-run-{self._run['run_id']}"
            clusters.put(
                self.workspace,
                key,
                {**spec, "cluster_name": name},
                self._run["creator_user_name"],
                "JOB",
            )
            clusters.set_state(self.workspace, key, "RUNNING")
        return key, spec

    def _job_cluster(self, wanted):
        shared = self._run["settings"].setdefault("job_cluster_ids", {})
        specs = {c["job_cluster_key"]: c["new_cluster"] for c in self._run["job_clusters"]}
        with self.workspace.lock:
            known = self.workspace.collection("clusters").get(shared.get(wanted), {})
            if known.get("state") != "RUNNING":
                shared[wanted] = self._new_cluster(specs[wanted])[0]
            return shared[wanted], specs[wanted]

    def _install(self):
        task = self._task
        environment = self._environments.get(task.get("environment_key"), {})
        wanted = list(task.get("libraries") or ())
        wanted += [libraries.of_text(text) for text in environment.get("dependencies") or ()]
        try:
            for library in wanted:
                if library.get("whl", "").startswith("/Workspace/"):
                    with self.workspace.lock:
                        require_read(self.workspace, self._principal, library["whl"])
            return libraries.install(self.workspace, wanted, self.folder / "libraries")
        except (libraries.LibraryError, Refused) as error:
            message = f"Library installation failed: {error}"
            raise LaunchError("LIBRARY_INSTALLATION_ERROR", message) from None

    def _work(self):
        from stocks_ai_assets_tests.workspace.parameters import resolve

        task = self._task
        kind = "spark_python_task" if task.get("spark_python_task") else "python_wheel_task"
        work = task[kind]
        parameters = [resolve(p, self._run, task) for p in work.get("parameters") or ()]
        if kind == "python_wheel_task":
            named = work.get("named_parameters") or {}
            parameters += [f"--{k}={resolve(v, self._run, task)}" for k, v in named.items()]
            names = {"package": work["package_name"], "entry_point": work["entry_point"]}
            return {"kind": kind, "parameters": parameters, **names}
        file = work["python_file"]
        seen = file if file.startswith("dbfs:") else self._seen(file)
        place = self.workspace.path(seen)
        if not place.is_file():
            message = (
                f"Cannot read the python file {file}. Please check driver logs for more details."
            )
            raise LaunchError("RESOURCE_NOT_FOUND", message)
        inside = "/" + str(place.relative_to(self.workspace.folder))
        return {"kind": kind, "parameters": parameters, "file": inside}

    def _seen(self, file):
        return file if file.startswith(("/Volumes/", "/Workspace/")) else f"/Workspace{file}"

    def _resolved(self, variables):
        def value(match):
            with self.workspace.lock:
                return value_of(self.workspace, self._principal, match[1], match[2])

        try:
            return {name: SECRET.sub(value, str(text)) for name, text in variables.items()}
        except Refused as refused:
            message = f"Cluster {self.cluster_id} could not start: {refused.message}"
            raise LaunchError("CLUSTER_ERROR", message) from None

    def _conf(self):
        from stocks_ai_assets_tests.workspace.compute import SPARK_CONF

        jars = Path(sysconfig.get_path("data")) / "share" / "stocks-ai" / "jars"
        inside = [f"/databricks/python/share/stocks-ai/jars/{p.name}" for p in jars.glob("*.jar")]
        tags = "spark.databricks.clusterUsageTags"
        delivery = self._log_destination()
        conf = {
            **SPARK_CONF,
            "spark.jars": ",".join(sorted(inside)),
            f"{tags}.clusterId": self.cluster_id or "",
            f"{tags}.clusterLogDeliveryEnabled": "true" if delivery else "false",
            f"{tags}.clusterLogDestination": delivery or "",
            **self._resolved(self._spec.get("spark_conf") or {}),
        }
        # One node stands for the cluster, whatever master its settings name.
        conf["spark.master"] = SPARK_CONF["spark.master"]
        return {name: value for name, value in conf.items() if value != ""}

    def _about(self):
        identities = self.workspace.identities
        self._token = identities.mint(
            self._principal.kind, self._principal.name, seconds=TOKEN_SECONDS
        )
        return {
            "host": self.workspace.url,
            "token": self._token,
            "serverless": self.cluster_id is None,
            "skew": self.workspace.misbehaviour.version_skew,
            "before_call": self.workspace.misbehaviour.before_call,
        }

    def _log_destination(self):
        places = self._spec.get("cluster_log_conf") or {}
        for kind in ("dbfs", "volumes"):
            if (places.get(kind) or {}).get("destination"):
                return places[kind]["destination"]
        return None

    def output(self) -> dict:
        """Error and its trace, as the driver left them."""
        found = self.folder / "result.json"
        if found.exists():
            read = json.loads(found.read_text() or "{}")
            return {k: v for k, v in read.items() if k in ("error", "error_trace")}
        return {}

    def deliver_logs(self) -> None:
        """Copy the driver's logs where the cluster's log delivery says; revoke the run's token."""
        if self._token:
            self.workspace.identities.forget(self._token)
        destination = self._log_destination()
        if destination and self.folder.exists():
            target = self.workspace.path(destination) / self.cluster_id / "driver"
            target.mkdir(parents=True, exist_ok=True)
            for name in ("stdout", "stderr"):
                if (self.folder / name).exists():
                    shutil.copy(self.folder / name, target / name)

    def lose_cluster(self) -> None:
        """The fault: the cluster is gone."""
        self._lost = True
        if self.cluster_id:
            self.workspace.compute.lose_cluster(self.cluster_id)

    def lost(self) -> bool:
        """Whether the cluster went away under the task."""
        if self._lost or (self._warm is not None and not self._warm.alive()):
            return True
        with self.workspace.lock:
            document = self.workspace.collection("clusters").get(self.cluster_id)
        return self.cluster_id is not None and (document or {}).get("state") != "RUNNING"

    def lost_message(self) -> str:
        """What Databricks says of it."""
        return (
            f"Cluster {self.cluster_id or 'of serverless compute'} became unusable during the run "
            "since the driver became unhealthy"
        )
