"""Promises of the local workspace: Spark on its clusters, with Delta and one JVM a cluster."""

import pytest

pytestmark = pytest.mark.spark

SMALL = {"spark_version": "19.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 0}


def test_spark_on_a_warm_cluster_is_one_jvm_with_delta_and_a_session_a_task(workspace):
    from databricks.sdk.service.jobs import SubmitTask

    client = workspace.client()
    cluster = client.clusters.create(
        cluster_name="spark", spark_conf={"spark.own.setting": "kept"}, **SMALL
    ).result()
    work = """
from pyspark.sql import SparkSession
assert isinstance(spark, SparkSession) and SparkSession.getActiveSession() is not None
assert spark.conf.get("spark.own.setting") == "kept"
spark.range(5).write.format("delta").mode("append").save("/Volumes/main/lake/tables/t")
assert not spark.catalog.listTables(), spark.catalog.listTables()
spark.range(1).createOrReplaceTempView("left_behind")
SparkSession.builder.getOrCreate().stop()
print(spark.read.format("delta").load("/Volumes/main/lake/tables/t").count(), sc.applicationId)
"""
    workspace.workspace.add_volume("/Volumes/main/lake/tables")
    file = workspace.write("dbfs:/spark.py", work)
    spec = {"task_key": "step", "spark_python_task": {"python_file": file}}
    task = SubmitTask.from_dict(spec | {"existing_cluster_id": cluster.cluster_id})
    applications = set()
    for count in (5, 10):
        submitted = client.jobs.submit(run_name="s", tasks=[task]).run_id
        run = workspace.ended(submitted, seconds=120)
        output = client.jobs.get_run_output(run.tasks[0].run_id)
        assert run.state.result_state.value == "SUCCESS", output.error_trace
        rows, application = output.logs.splitlines()[0].split()
        applications.add(application)
        assert int(rows) == count, output.logs
    assert len(applications) == 1
