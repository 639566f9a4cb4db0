"""The walls around the logs, as PostgreSQL's catalog has them, compared with what they should be.

`expected_catalog.json` is the list. After a migration that changes a wall, `python -m infra.log_proof.catalog` writes it anew from a
new database, and its difference is read before it is committed.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from psycopg import Connection

from infra import exact_json
from infra.log_proof.log_tables import read_log_tables

_EXPECTED = "expected_catalog.json"
_SEALS = ("log_batch", "log_checkpoint")
_ACTIONS = ("action_intent", "action_line", "action_attempt")

# Each query gives (object, fact). Grants are those of others than the owner.
_TABLE_FACTS = """
SELECT c.relname::text, f.fact FROM pg_catalog.pg_class c CROSS JOIN LATERAL (
  SELECT 'row security ' || CASE WHEN c.relrowsecurity THEN 'on' ELSE 'off' END
    || CASE WHEN c.relforcerowsecurity THEN ', forced' ELSE ', not forced' END
  UNION ALL SELECT 'rule ' || rulename FROM pg_catalog.pg_rules WHERE schemaname = 'public' AND tablename = c.relname
  UNION ALL SELECT format('trigger %%s: %%s, type %%s, %%scalls %%s', tgname, CASE tgenabled WHEN 'O' THEN 'enabled' ELSE 'NOT ENABLED (' || tgenabled::text || ')' END,
      tgtype, 'when ' || substring(pg_get_triggerdef(oid) FROM ' WHEN \\((.*)\\) EXECUTE FUNCTION ') || ', ', tgfoid::regproc)
    FROM pg_catalog.pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal
  UNION ALL SELECT format('keys'' own triggers: NOT ENABLED (%%s)', count(*)) FROM pg_catalog.pg_trigger
    WHERE tgrelid = c.oid AND tgisinternal AND tgenabled <> 'O' HAVING count(*) > 0
  UNION ALL SELECT format('policy %%s: %%s, for %%s, to %%s, using %%s, check %%s', polname, CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END,
      polcmd, (SELECT string_agg(CASE WHEN r = 0 THEN 'all' ELSE pg_get_userbyid(r)::text END, ' ' ORDER BY r) FROM unnest(polroles) AS r),
      coalesce(pg_get_expr(polqual, polrelid), '-'), coalesce(pg_get_expr(polwithcheck, polrelid), '-'))
    FROM pg_catalog.pg_policy WHERE polrelid = c.oid
  UNION ALL SELECT format('%%s may %%s', CASE WHEN a.grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee)::text END,
      string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN ' and grant it' ELSE '' END, ', ' ORDER BY a.privilege_type))
    FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner GROUP BY a.grantee
  UNION ALL SELECT format('%%s may %%s (%%s)', CASE WHEN a.grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee)::text END, a.privilege_type,
      string_agg(t.attname, ', ' ORDER BY t.attnum)) FROM pg_catalog.pg_attribute t, aclexplode(t.attacl) AS a
    WHERE t.attrelid = c.oid AND a.grantee <> c.relowner GROUP BY a.grantee, a.privilege_type
  UNION ALL SELECT format('key %%s: %%s%%s', conname, pg_get_constraintdef(oid), CASE WHEN convalidated THEN '' ELSE ', NOT VALIDATED' END)
    FROM pg_catalog.pg_constraint WHERE conrelid = c.oid AND contype = 'f'
  UNION ALL SELECT format('default of %%s: %%s', t.attname, pg_get_expr(d.adbin, d.adrelid)) FROM pg_catalog.pg_attrdef d
    JOIN pg_catalog.pg_attribute t ON t.attrelid = d.adrelid AND t.attnum = d.adnum WHERE d.adrelid = c.oid
  UNION ALL SELECT format('identity of %%s: %%s', t.attname, t.attidentity) FROM pg_catalog.pg_attribute t
    WHERE t.attrelid = c.oid AND t.attidentity <> ''
) AS f (fact)
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY (%s) ORDER BY 1, 2
"""
_FUNCTIONS = """
SELECT p.oid::regprocedure::text, p.prosrc, p.prosecdef, l.lanname::text, coalesce(array_to_string(p.proconfig, ','), '')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1
"""
_ROLES = """
SELECT r.rolname::text, concat_ws(', ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolbypassrls THEN 'bypasses row security' END,
  CASE WHEN rolcreaterole THEN 'creates roles' END, CASE WHEN rolcreatedb THEN 'creates databases' END,
  CASE WHEN rolreplication THEN 'replicates' END,
  (SELECT 'member of ' || string_agg(pg_get_userbyid(roleid), ' ' ORDER BY 1) FROM pg_catalog.pg_auth_members WHERE member = r.oid))
FROM pg_catalog.pg_roles r WHERE r.rolname LIKE 'oodaloo\\_%%' AND r.rolname <> 'oodaloo_owner' ORDER BY 1
"""

Facts = dict[str, list[str]]  # object → what holds of it, sorted


def read_catalog(connection: Connection[Any]) -> Facts:
    """What holds of every log, mirror, action and seal, of the functions in the schema and of our roles."""
    logs = [table.name for table in read_log_tables(connection)]
    mirrors = [log.removesuffix("_transaction_log") for log in logs if log.endswith("_transaction_log")]
    facts: defaultdict[str, list[str]] = defaultdict(list)
    for table, fact in connection.execute(_TABLE_FACTS, [[*logs, *mirrors, *_ACTIONS, *_SEALS]]):
        facts[f"table {table}"].append(fact)
    for name, source, is_definer, language, settings in connection.execute(_FUNCTIONS):
        digest = sha256(source.encode()).hexdigest()[:32]
        facts[f"function {name}"].append(
            f"{language}, body {digest}, {'as its owner' if is_definer else 'as its caller'}, settings {settings!r}"
        )
    for role, rights in connection.execute(_ROLES, []):
        facts[f"role {role}"].append(rights or "no right of its own")
    return dict(facts)


def check_catalog(connection: Connection[Any]) -> list[str]:
    """What is not as it should be, in words; nothing when every wall stands. Any role may ask."""
    return list(differences(expected_catalog(), read_catalog(connection)))


def differences(expected: Facts, found: Facts) -> Iterable[str]:
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing"
            continue
        if name not in expected:
            yield f"{name} is not one of ours"
            continue
        yield from (f"{name}: should have: {fact}" for fact in expected[name] if fact not in found[name])
        yield from (f"{name}: should not have: {fact}" for fact in found[name] if fact not in expected[name])


def expected_catalog() -> Facts:
    """Facts that many tables share are kept once, with `{table}` in place of their name."""
    groups: Any = exact_json.loads(files("infra.log_proof").joinpath(_EXPECTED).read_bytes())
    return {
        f"{group['kind']} {name}": sorted(_named(fact, name) for fact in group["facts"])
        for group in groups
        for name in group["names"]
    }


def _named(fact: str, name: str) -> str:
    return fact.replace("{table}", name)


def _write_expected(connection: Connection[Any]) -> None:
    groups: defaultdict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for key, facts in read_catalog(connection).items():
        kind, _, name = key.partition(" ")
        shared = tuple(fact.replace(name, "{table}") for fact in facts) if kind == "table" else tuple(facts)
        groups[kind, shared].append(name)
    content = [{"kind": kind, "names": names, "facts": list(facts)} for (kind, facts), names in groups.items()]
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    Path(__file__).with_name(_EXPECTED).write_text(text, encoding="utf-8")


def _write_expected_of_a_new_database() -> None:
    from infra.config import ServerSettings
    from infra.db.migrate import migrate
    from infra.embedded.servers import servers
    from infra.log_proof.sealer import open_connection

    with tempfile.TemporaryDirectory(prefix="oodaloo-home-") as home:
        settings = ServerSettings(home=Path(home), database_url=None, redis_url=None)
        with servers(settings) as addresses:
            migrate(addresses.database_owner_url)
            with open_connection(addresses.database_sealer_url) as connection:
                _write_expected(connection)


if __name__ == "__main__":
    _write_expected_of_a_new_database()
