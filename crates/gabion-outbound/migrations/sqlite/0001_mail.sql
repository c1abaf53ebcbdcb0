-- Letters kept instead of sent, sealed as they were in the outbox.
CREATE TABLE mail_captured (
    id TEXT PRIMARY KEY,
    captured_at INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT;
