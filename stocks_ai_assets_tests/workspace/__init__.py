"""A local Databricks workspace for tests: HTTP for the unmodified SDK, and runs that really run.

It answers the REST paths of jobs, runs, clusters, policies, pools, DBFS, the Files API, workspace
files, secrets, permissions, experiments, SCIM, tokens and (package `unity`) Unity Catalog, as
databricks-sdk 0.60 and dagster-databricks 0.29 call them.

    python -m stocks_ai_assets_tests.workspace --folder /tmp/ws --port 0

prints {"url", "token", "folder"} and serves; DATABRICKS_HOST=url and DATABRICKS_TOKEN=token make
the SDK use it. In tests: `with server.start(folder) as running: running.client()`.

Files. `folder/dbfs` is dbfs:/ and /dbfs, `folder/Volumes/<catalog>/<schema>/<volume>` is a volume
(it exists if the folder does: `workspace.add_volume`), `folder/Workspace` holds workspace files,
`folder/runs/<run id>` is the working folder of a task with its stdout and stderr.

Runs. A task is a process in a file system of its own (`unshare`, so Linux and the right to mount):
system folders, the libraries of this environment without the checkout, /dbfs, /Volumes,
/Workspace and its working folder; nothing else of this machine, and no other process. Its
environment is what the run passes. New clusters and serverless start a process for each task;
all-purpose clusters are warm: one Python that has imported the usual libraries and is forked for
each task, and one JVM, started by the first task that uses Spark.

A continuous job that is not paused has one run after another. Schedules start nothing.

Spark sees dbfs:/x as the plain path /dbfs/x: there is no file system named dbfs here. Serverless
tasks get a plain local session without `sc`, not Spark Connect. /dbfs of a warm cluster is as it
was when the cluster's process started.

A run that prints a secret shows it: nothing is redacted, so that tests can see a leak. The
workspace itself keeps secrets and tokens in memory only.

Faults. POST /test/misbehave (or `workspace.misbehaviour.change(...)`) with JSON fields of
`misbehaviour.Misbehaviour`.

Not here: notebooks and the other task types, cluster sizes, prices, autotermination, OAuth.
"""
