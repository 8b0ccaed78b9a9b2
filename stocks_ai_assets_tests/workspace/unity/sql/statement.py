"""A statement: its first words say who runs it; what nobody knows fails."""

from stocks_ai_assets_tests.workspace.unity.sql import alter, create, grant, query, show
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Cursor, Failed
from stocks_ai_assets_tests.workspace.unity.sql.session import DONE, Result, Session

ELSEWHERE = ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "OPTIMIZE", "VACUUM", "REFRESH", "MSCK")
QUERIES = ("SELECT", "WITH", "VALUES", "(")


def _use(session, cursor):
    cursor.eat("CATALOG") or cursor.eat("SCHEMA") or cursor.eat("DATABASE")
    cursor.name(1, 2)
    cursor.end()
    return DONE


_RUNS = {
    "CREATE": create.create,
    "DROP": create.drop,
    "ALTER": alter.alter,
    "COMMENT ON": alter.comment,
    "SET TAG ON": lambda session, cursor: alter.tag(session, cursor, put=True),
    "UNSET TAG ON": lambda session, cursor: alter.tag(session, cursor, put=False),
    "GRANT": lambda session, cursor: grant.grant(session, cursor, revoke=False),
    "REVOKE": lambda session, cursor: grant.grant(session, cursor, revoke=True),
    "SHOW": show.show,
    "DESCRIBE": show.describe,
    "DESC": show.describe,
    "USE": _use,
}


def run(session: Session, sql: str) -> Result:
    """Run one statement; `Failed` and `Refused` say why not.

    What changes the state does all of it or nothing.
    """
    cursor = Cursor(sql)
    if any(cursor.sees(word) for word in QUERIES):
        return query.run(session, sql.rstrip().rstrip(";"))
    for words, work in _RUNS.items():
        if cursor.eat(words):
            with session.unity.workspace.lock, session.unity.undone_if_it_fails():
                return work(session, cursor)
    if any(cursor.sees(word) for word in ELSEWHERE):
        message = f"{cursor.peek().text.upper()} is not run by this test workspace"
        raise Failed(f"[UNSUPPORTED_FEATURE] {message}. SQLSTATE: 0A000")
    raise cursor.failed()
