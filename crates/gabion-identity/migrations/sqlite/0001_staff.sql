CREATE TABLE identity_staff (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

CREATE TABLE identity_session (
    id TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    staff_id TEXT NOT NULL REFERENCES identity_staff (id),
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
) STRICT;
CREATE INDEX identity_session_staff ON identity_session (staff_id, created_at);
CREATE INDEX identity_session_expiry ON identity_session (expires_at);

-- One-time links: a new account of a role, or a new password for an account.
CREATE TABLE identity_link (
    id TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    role TEXT,
    staff_id TEXT REFERENCES identity_staff (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK ((role IS NULL) <> (staff_id IS NULL))
) STRICT;
CREATE INDEX identity_link_expiry ON identity_link (expires_at);

CREATE TABLE identity_api_key (
    id TEXT PRIMARY KEY,
    key_hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_by TEXT NOT NULL REFERENCES identity_staff (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
