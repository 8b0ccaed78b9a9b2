"""Run in the sharing client's environment: does what is asked on stdin, prints what came of it.

Values are printed so that no bit is lost: floats in hexadecimal, moments in microseconds.
"""

import contextlib
import datetime as dt
import io
import json
import logging
import sys

import delta_sharing
import numpy as np
import pandas as pd


def main() -> None:
    logging.disable()
    json.dump([_done(task) for task in json.load(sys.stdin)], sys.stdout)


def _done(task: dict) -> dict:
    call = task.pop("call")
    try:
        # The client prints what it received.
        with contextlib.redirect_stdout(io.StringIO()):
            if call in {"list_all_tables", "list_shares"}:
                found = getattr(delta_sharing.SharingClient(task["profile"]), call)()
                return {"found": sorted(str(each) for each in found)}
            found = getattr(delta_sharing, call)(**task)
    except Exception as error:  # noqa: BLE001  # what went wrong is what is asked for
        return {"error": f"{type(error).__name__}: {error}"}
    if not isinstance(found, pd.DataFrame):
        return {"found": str(found)}
    columns = {name: [_plain(value) for value in found[name]] for name in found.columns}
    return {"columns": columns, "types": {name: str(found[name].dtype) for name in found.columns}}


def _plain(value: object) -> object:  # noqa: PLR0911  # one for each type
    match value:
        case None:
            return None
        case pd.Timestamp():
            return value.isoformat(timespec="microseconds")
        case dt.date():
            return value.isoformat()
        case float() | np.floating():
            return None if np.isnan(value) else float(value).hex()
        case bool() | np.bool_():
            return bool(value)
        case int() | np.integer():
            return int(value)
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple() | np.ndarray():
            return [_plain(each) for each in value]
    return str(value)


if __name__ == "__main__":
    main()
