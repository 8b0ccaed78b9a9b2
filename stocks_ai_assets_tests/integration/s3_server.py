"""moto's S3 in a process of its own, one write at a time. Prints its port.

moto looks whether an object is there and then puts it, in two steps: with threads, two writers
could both be told that they were first. S3 decides in one step, so writes wait for each other.
"""

import json
import sys
import threading
import time


def serve(*, ignores_conditions, seconds):
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, *_):
            pass

    moto, writing = DomainDispatcherApplication(create_backend_app), threading.Lock()
    counted = {"requests": 0, "refused": 0}

    def app(environ, start_response):
        def counting(status, headers, *rest):
            counted["requests"] += 1
            counted["refused"] += status.startswith("412")
            return start_response(status, headers, *rest)

        if environ["PATH_INFO"] == "/counted":
            start_response("200 OK", [])
            return [json.dumps(counted).encode()]
        time.sleep(seconds)  # the way there and back
        if environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            return moto(environ, counting)
        if ignores_conditions:
            environ.pop("HTTP_IF_NONE_MATCH", None)
        with writing:
            return [b"".join(moto(environ, counting))]

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    print(server.server_port, flush=True)  # noqa: T201  # read by whoever started it
    server.serve_forever()


if __name__ == "__main__":
    serve(
        ignores_conditions="--ignores-conditions" in sys.argv,
        seconds=0.02 if "--far-away" in sys.argv else 0.0,
    )
