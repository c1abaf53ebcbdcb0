CREATE TABLE gabion_key_ring (
    key_use TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    checked BLOB NOT NULL,
    seal_checked BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (key_use, epoch)
) STRICT;

-- Deleting a row makes every personal field under it unreadable for good.
CREATE TABLE gabion_subject_key (
    id TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    purpose TEXT NOT NULL,
    kek_epoch INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    UNIQUE (subject, purpose)
) STRICT;

CREATE TABLE gabion_event (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    site TEXT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT,
    subject_key TEXT,
    entities TEXT NOT NULL,
    fields TEXT NOT NULL,
    sealed INTEGER NOT NULL
) STRICT;
CREATE INDEX gabion_event_kind ON gabion_event (kind, position);
CREATE INDEX gabion_event_subject ON gabion_event (subject, position) WHERE subject IS NOT NULL;

CREATE TABLE gabion_event_entity (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (kind, id, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE gabion_outbox (
    id TEXT PRIMARY KEY,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    leased_until INTEGER NOT NULL,
    last_error TEXT
) STRICT;
CREATE INDEX gabion_outbox_due ON gabion_outbox (topic, next_at);

CREATE TABLE gabion_idempotency (
    scope TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    status INTEGER,
    headers TEXT,
    body BLOB,
    PRIMARY KEY (scope, idempotency_key)
) STRICT;
CREATE INDEX gabion_idempotency_expiry ON gabion_idempotency (expires_at);
