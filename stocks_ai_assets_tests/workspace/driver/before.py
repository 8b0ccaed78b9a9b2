"""A fault: something happens each time before the work calls one of its functions."""

import functools

from .after import after_import


def before_call(name: str, text: str) -> None:
    """Execute Python before each call of `module:function` or `module:Class.method`."""
    module, _, path = name.partition(":")
    code = compile(text, name, "exec")
    after_import(module, lambda found: _put_before(found, path, code))


def _put_before(module, path, code):
    *owners, last = path.split(".")
    owner = functools.reduce(getattr, owners, module)
    called = getattr(owner, last)

    @functools.wraps(called)
    def wrapper(*given, **named):
        exec(code, {})  # noqa: S102  # that is the fault
        return called(*given, **named)

    setattr(owner, last, wrapper)
