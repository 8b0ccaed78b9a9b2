"""GRANT, REVOKE, SHOW GRANTS."""

from stocks_ai_assets_tests.workspace.unity import grants
from stocks_ai_assets_tests.workspace.unity.privileges import APPLICABLE
from stocks_ai_assets_tests.workspace.unity.sql.alter import WORDS, target
from stocks_ai_assets_tests.workspace.unity.sql.session import DONE, texts

_PRIVILEGES = sorted(
    {name.replace("_", " ") for names in APPLICABLE.values() for name in names},
    key=lambda name: -len(name),
)


def _securable(session, cursor):
    if cursor.eat("METASTORE"):
        return session.unity.metastore
    words = cursor.one_of(*WORDS) if any(cursor.sees(one) for one in WORDS) else "TABLE"
    return target(session, cursor, words)


def grant(session, cursor, *, revoke: bool):
    """Run GRANT ... or REVOKE ..., its first word taken."""
    privileges = []
    while True:
        privileges.append(cursor.one_of(*_PRIVILEGES).replace(" ", "_"))
        if not cursor.eat(","):
            break
    cursor.need("ON")
    document = _securable(session, cursor)
    cursor.need("FROM" if revoke else "TO")
    if document["kind"] == "share":
        cursor.eat("RECIPIENT")
    principal = cursor.identifier()
    cursor.end()
    changes = {"remove" if revoke else "add": privileges}
    grants.change(session.unity, session.principal, document, principal, **changes)
    return DONE


def show(session, cursor):
    """Run SHOW GRANTS ..., those words taken; inherited grants are listed where they were made."""
    unity = session.unity
    if cursor.eat("TO RECIPIENT"):
        recipient = unity.get("recipient", cursor.identifier())["info"]["name"]
        cursor.end()
        rows = [
            (share["full_name"], privilege)
            for share in unity.every("share")
            for privilege in share["grants"].get(recipient, ())
        ]
        return texts("share actionType", rows)
    only = None if cursor.sees("ON") else cursor.identifier()
    cursor.need("ON")
    document = _securable(session, cursor)
    cursor.end()
    if not unity.manages(session.principal, document):
        only = only or session.principal.name
    rows = []
    for one in (document, *unity.above(document)):
        for name, privileges in sorted(one["grants"].items()):
            if only in (None, name):
                kind = one["kind"].replace("_", " ").upper()
                rows += [(name, p.replace("_", " "), kind, one["full_name"]) for p in privileges]
    first = "Recipient" if document["kind"] == "share" else "Principal"
    return texts(f"{first} ActionType ObjectType ObjectKey", rows)
