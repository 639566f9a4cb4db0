"""What the database itself enforces on actions, beside the tables' keys. A change here is a new migration too.

Tests try to break each of it as the application's role; one holds the edges to those of infra/actions/states.py.
"""

from alembic import op

_EDGES = (
    "requested>claimed,requested>blocked,requested>cancelled,blocked>requested,blocked>cancelled,"
    "claimed>sending,claimed>retry_wait,claimed>blocked,claimed>confirmed,claimed>failed,claimed>unknown,"
    "retry_wait>claimed,retry_wait>blocked,retry_wait>cancelled,"
    "sending>confirmed,sending>failed,sending>retry_wait,sending>blocked,sending>unknown,"
    "unknown>sending,unknown>confirmed,unknown>failed,unknown>needs_review,"
    "needs_review>confirmed,needs_review>failed,failed>confirmed,confirmed>needs_review"
)

_FUNCTIONS = """
CREATE FUNCTION action_edge_is_allowed(was text, becomes text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT was || '>' || becomes = ANY ('{EDGES}'::text[])
$$;

CREATE FUNCTION refuse_action_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: an action is remembered for ever', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION begin_action() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version <> 1 OR NEW.state NOT IN ('requested', 'blocked') OR NEW.fence <> 0 OR NEW.revision <> 0 OR NEW.ever_ambiguous
     OR NEW.is_stale OR NEW.first_sent_at IS NOT NULL OR NEW.last_sent_at IS NOT NULL OR NEW.external_id IS NOT NULL
     OR NEW.settled_at IS NOT NULL OR NEW.lease_until IS NOT NULL OR (NEW.manner = 'create') <> (NEW.body IS NOT NULL) THEN
    RAISE EXCEPTION 'an action begins at its beginning' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION keep_action_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  bare action_intent := NEW;
  refused text;
BEGIN
  bare.fence := OLD.fence;
  bare.lease_owner := OLD.lease_owner;
  bare.lease_until := OLD.lease_until;
  bare.due_at := OLD.due_at;
  bare.attempts := OLD.attempts;
  bare.struggling_since := OLD.struggling_since;
  refused := CASE
    WHEN bare IS DISTINCT FROM OLD AND NEW.version IS DISTINCT FROM OLD.version + 1
      THEN format('a change must raise version from %s to %s, not to %s', OLD.version, OLD.version + 1, NEW.version)
    WHEN (NEW.business_id, NEW.id, NEW.rail, NEW.rail_account_id, NEW.environment, NEW.operation, NEW.manner, NEW.entity,
          NEW.client_key, NEW.fingerprint, NEW.content_digest, NEW.mark, NEW.meaning, NEW.facts, NEW.not_before, NEW.created_by,
          NEW.asked_by_request, NEW.created_at)
      IS DISTINCT FROM (OLD.business_id, OLD.id, OLD.rail, OLD.rail_account_id, OLD.environment, OLD.operation, OLD.manner, OLD.entity,
          OLD.client_key, OLD.fingerprint, OLD.content_digest, OLD.mark, OLD.meaning, OLD.facts, OLD.not_before, OLD.created_by,
          OLD.asked_by_request, OLD.created_at)
      THEN 'what was asked for, and its identity, never change'
    WHEN NEW.state <> OLD.state AND NOT action_edge_is_allowed(OLD.state, NEW.state)
      THEN format('%s does not become %s', OLD.state, NEW.state)
    WHEN NEW.fence < OLD.fence THEN 'the fence only grows'
    WHEN NEW.state = 'claimed' AND OLD.state <> 'claimed' AND NEW.fence = OLD.fence THEN 'a claim raises the fence'
    WHEN OLD.ever_ambiguous AND NOT NEW.ever_ambiguous THEN 'what was ambiguous stays so'
    WHEN NEW.replays < OLD.replays - 1 OR NEW.negative_probes < 0 THEN 'counts do not go back'
    WHEN OLD.first_sent_at IS NOT NULL AND NEW.first_sent_at IS DISTINCT FROM OLD.first_sent_at
      OR OLD.last_sent_at IS NOT NULL AND (NEW.last_sent_at IS NULL OR NEW.last_sent_at < OLD.last_sent_at)
      THEN 'when it was sent does not change'
    WHEN OLD.external_id IS NOT NULL AND NEW.external_id IS DISTINCT FROM OLD.external_id
      AND NOT (OLD.state = 'needs_review' AND NEW.state = 'confirmed') THEN 'what it made does not change'
    WHEN NEW.is_stale AND NOT OLD.is_stale AND NOT (OLD.state = 'sending' AND NEW.state = 'retry_wait')
      THEN 'only a refusal makes it stale'
    WHEN (NEW.body, NEW.body_hash, NEW.revision, NEW.rail_request_id)
        IS DISTINCT FROM (OLD.body, OLD.body_hash, OLD.revision, OLD.rail_request_id)
      AND NOT coalesce(NEW.manner = 'change' AND NEW.body IS NOT NULL AND NEW.state = 'sending' AND OLD.state <> 'sending' AND (
        OLD.body IS NULL AND (NEW.revision, NEW.rail_request_id) = (OLD.revision, OLD.rail_request_id)
        OR OLD.is_stale AND NOT OLD.ever_ambiguous AND NEW.revision = OLD.revision + 1
          AND NEW.rail_request_id <> OLD.rail_request_id), false)
      THEN 'the request is frozen'
  END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'action %: %', OLD.id, refused USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION close_action_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE action_line SET is_open = false WHERE business_id = NEW.business_id AND intent_id = NEW.id AND is_open;
  RETURN NULL;
END $$;

CREATE FUNCTION begin_action_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM action_intent WHERE business_id = NEW.business_id AND id = NEW.intent_id AND rail = NEW.rail AND version = 1
    AND state IN ('requested', 'blocked');
  IF NOT FOUND OR NOT NEW.is_open THEN
    RAISE EXCEPTION 'a line comes with its action' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION keep_action_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  bare action_line := NEW;
BEGIN
  bare.is_open := OLD.is_open;
  IF bare IS DISTINCT FROM OLD THEN
    RAISE EXCEPTION 'a line never changes' USING ERRCODE = 'restrict_violation';
  END IF;
  PERFORM FROM action_intent WHERE business_id = NEW.business_id AND id = NEW.intent_id
    AND state = ANY (CASE WHEN NEW.is_open THEN '{needs_review}' ELSE '{confirmed,failed,cancelled}' END::text[]);
  IF NEW.is_open <> OLD.is_open AND NOT FOUND THEN
    RAISE EXCEPTION 'a line is let go when its action is settled, and no earlier' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""

_TRIGGERS = """
CREATE TRIGGER begins BEFORE INSERT ON action_intent FOR EACH ROW EXECUTE FUNCTION begin_action();
CREATE TRIGGER keeps_order BEFORE UPDATE ON action_intent FOR EACH ROW EXECUTE FUNCTION keep_action_in_order();
CREATE TRIGGER lets_go AFTER UPDATE ON action_intent FOR EACH ROW
  WHEN (NEW.state IN ('confirmed', 'failed', 'cancelled') AND OLD.state IS DISTINCT FROM NEW.state)
  EXECUTE FUNCTION close_action_lines();
CREATE TRIGGER no_delete BEFORE DELETE ON action_intent FOR EACH ROW EXECUTE FUNCTION refuse_action_removal();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON action_intent FOR EACH STATEMENT EXECUTE FUNCTION refuse_action_removal();
CREATE TRIGGER begins BEFORE INSERT ON action_line FOR EACH ROW EXECUTE FUNCTION begin_action_line();
CREATE TRIGGER keeps_order BEFORE UPDATE ON action_line FOR EACH ROW EXECUTE FUNCTION keep_action_line();
CREATE TRIGGER no_delete BEFORE DELETE ON action_line FOR EACH ROW EXECUTE FUNCTION refuse_action_removal();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON action_line FOR EACH STATEMENT EXECUTE FUNCTION refuse_action_removal();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON action_attempt FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON action_attempt FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON action_transaction_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON action_transaction_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

_CHECKS = {
    "state": "state IN ('requested', 'claimed', 'sending', 'unknown', 'retry_wait', 'blocked', 'needs_review', 'confirmed', 'failed', 'cancelled')",
    "manner": "manner IN ('create', 'change')",
    "client_key": "length(client_key) BETWEEN 16 AND 64",
    "mark": "mark ~ '^LP-[A-Z2-7]{16}$'",
    "body": "(body IS NULL) = (body_hash IS NULL) AND (body IS NULL OR body_hash = sha256(body))",
    "sent_has_body": "state <> 'sending' OR body IS NOT NULL",
    "confirmed_has_object": "state <> 'confirmed' OR external_id IS NOT NULL",
    "doubt_has_reason_to_fail": "state <> 'failed' OR NOT ever_ambiguous OR release_reason IS NOT NULL",
    "doubt_is_not_undone": "NOT ever_ambiguous OR state IN ('sending', 'unknown', 'needs_review', 'confirmed', 'failed')",
    "unknown_is_doubt": "state <> 'unknown' OR ever_ambiguous",
    "held_for_somebody": "(state = 'blocked') = (hold IS NOT NULL)",
    "held_by_a_worker": "state NOT IN ('claimed', 'sending') OR lease_until IS NOT NULL",
    "settled": "state NOT IN ('confirmed', 'failed', 'cancelled') OR settled_at IS NOT NULL",
}

# What a worker or a person may change of an action at all; when and how, the trigger says.
CHANGEABLE = (
    "version, state, revision, rail_request_id, body, body_hash, is_stale, hold, held, fence, lease_owner, lease_until, due_at, attempts, "
    "struggling_since, waits, ever_ambiguous, first_sent_at, last_sent_at, negative_probes, replays, external_id, outcome_code, "
    "outcome_words, release_reason, seen, changed_at, settled_at, verified_at, verifications, reversed_at, db_timeline"
)


def wall_in_actions() -> None:
    op.execute(_FUNCTIONS.replace("{EDGES}", f"{{{_EDGES}}}"))
    op.execute(_TRIGGERS)
    for name, condition in _CHECKS.items():
        op.execute(f"ALTER TABLE action_intent ADD CONSTRAINT ck_action_intent_{name} CHECK ({condition})")
    op.execute("ALTER TABLE action_line ADD CONSTRAINT ck_action_line_amount CHECK (amount > 0)")
