"""Spark of a driver: `spark` and `sc` exist from the start, the JVM starts when one is used."""

import os
import pathlib

from .after import after_import

REFUSED_ON_SERVERLESS = ("sparkContext", "_jvm", "_jsparkSession", "_sc")


def write_conf(conf: dict) -> None:
    """Leave Spark's settings where every session of this driver finds them."""
    folder = pathlib.Path("/databricks/conf")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} {value}\n" for name, value in sorted(conf.items())]
    (folder / "spark-defaults.conf").write_text("".join(lines))
    (folder / "log4j2.properties").write_text(LOGGING)


LOGGING = """rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex
"""


def current():
    """Return this driver's session; starts Spark, or joins the cluster's, the first time."""
    from pyspark.sql import SparkSession

    return SparkSession.builder.getOrCreate()


class LazySession:
    """The global `spark`."""

    def __init__(self, spec):
        self.__dict__["_serverless"] = spec["serverless"]

    @property
    def __class__(self):
        from pyspark.sql import SparkSession

        return SparkSession

    def __getattr__(self, name):
        if self._serverless and name in REFUSED_ON_SERVERLESS:
            message = f"[JVM_ATTRIBUTE_NOT_SUPPORTED] Attribute `{name}` is not supported"
            raise AttributeError(f"{message} in Spark Connect as it depends on the JVM.")
        return getattr(current(), name)

    def __setattr__(self, name, value):
        setattr(current(), name, value)


class LazyContext:
    """The global `sc`."""

    @property
    def __class__(self):
        from pyspark import SparkContext

        return SparkContext

    def __getattr__(self, name):
        return getattr(current().sparkContext, name)


def install_sessions(spec: dict, gateway) -> None:
    """Let `SparkSession` behave as on a cluster, once it is imported.

    A session is active from the start; on a warm cluster (`gateway` gives port and secret of its
    JVM) each task has a session of its own in the cluster's one JVM, and cannot stop it.
    Libraries of the task reach Spark's Python workers; what the task unpacks itself does not.
    """

    def patch(module):
        session = module.SparkSession
        builder = session.Builder
        create, active = builder.getOrCreate, session.getActiveSession
        if gateway is not None:
            builder.getOrCreate = lambda self: create(_joined(self, session, gateway, spec))
        else:
            builder.getOrCreate = lambda self: _with_libraries(create(self), spec)
        session.getActiveSession = classmethod(lambda cls: active() or current())

    after_import("pyspark.sql.session", patch)


def _with_libraries(session, spec):
    session.sparkContext.environment["PYTHONPATH"] = ":".join(spec["paths"])
    return session


def _joined(builder, session_class, gateway, spec):
    from pyspark import SparkConf, SparkContext

    if SparkContext._active_spark_context is None:
        from pyspark.java_gateway import launch_gateway

        port, secret = gateway()
        address = {"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}
        os.environ.update(address)  # noqa: TID251  # the only way that pyspark takes them
        opened = launch_gateway()
        for name in address:
            del os.environ[name]  # noqa: TID251
        jvm = opened.jvm
        shared = jvm.org.apache.spark.SparkContext.getOrCreate()
        java_context = jvm.JavaSparkContext.fromSparkContext(shared)
        conf = SparkConf(_jvm=jvm, _jconf=java_context.getConf())
        context = SparkContext(gateway=opened, jsc=java_context, conf=conf)
        context.environment["PYTHONPATH"] = ":".join(spec["paths"])
        SparkContext.stop = lambda self: None
        classic = jvm.org.apache.spark.sql.classic.SparkSession
        own = classic.builder().getOrCreate().newSession()
        session = session_class(context, jsparkSession=own)
        session_class.stop = lambda self: None
        session_class._instantiatedSession = session
    return builder
