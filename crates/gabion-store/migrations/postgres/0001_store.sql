CREATE TABLE gabion_key_ring (
    key_use TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    wrapped BYTEA NOT NULL,
    checked BYTEA NOT NULL,
    seal_checked BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (key_use, epoch)
);

-- Deleting a row makes every personal field under it unreadable for good.
CREATE TABLE gabion_subject_key (
    id TEXT COLLATE "C" PRIMARY KEY,
    subject TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    kek_epoch BIGINT NOT NULL,
    wrapped BYTEA NOT NULL,
    UNIQUE (subject, purpose)
);

-- The sequencer numbers rows after their commit, in the order they were drawn.
CREATE TABLE gabion_event (
    position BIGINT UNIQUE,
    drawn BIGINT GENERATED ALWAYS AS IDENTITY,
    id TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    severity BIGINT NOT NULL,
    site TEXT COLLATE "C",
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT COLLATE "C",
    subject_key TEXT COLLATE "C",
    entities TEXT NOT NULL,
    fields TEXT NOT NULL,
    sealed BIGINT NOT NULL
);
CREATE INDEX gabion_event_unnumbered ON gabion_event (drawn) WHERE position IS NULL;
CREATE INDEX gabion_event_kind ON gabion_event (kind, position);
CREATE INDEX gabion_event_subject ON gabion_event (subject, position) WHERE subject IS NOT NULL;

CREATE TABLE gabion_event_entity (
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, id, event)
);

CREATE TABLE gabion_outbox (
    id TEXT COLLATE "C" PRIMARY KEY,
    topic TEXT COLLATE "C" NOT NULL,
    payload TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    last_error TEXT
);
CREATE INDEX gabion_outbox_due ON gabion_outbox (topic, next_at);

CREATE TABLE gabion_idempotency (
    scope TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    status BIGINT,
    headers TEXT,
    body BYTEA,
    PRIMARY KEY (scope, idempotency_key)
);
CREATE INDEX gabion_idempotency_expiry ON gabion_idempotency (expires_at);

-- Tells whether a commit whose answer was lost took place. Rows are trimmed after an hour.
CREATE TABLE gabion_write (
    id BYTEA PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX gabion_write_at ON gabion_write (at);
