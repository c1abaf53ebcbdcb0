-- Letters kept instead of sent, sealed as they were in the outbox.
CREATE TABLE mail_captured (
    id TEXT COLLATE "C" PRIMARY KEY,
    captured_at BIGINT NOT NULL,
    payload TEXT NOT NULL
);
