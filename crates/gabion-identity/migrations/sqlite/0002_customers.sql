-- Customers of a site. What is personal is sealed under the person's key; nothing here says who they are without it.
CREATE TABLE identity_account (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    state TEXT NOT NULL,
    email BLOB,
    name BLOB,
    language TEXT NOT NULL,
    password_hash TEXT,
    password_at INTEGER,
    created_at INTEGER NOT NULL,
    signed_in_at INTEGER
) STRICT;
CREATE INDEX identity_account_site ON identity_account (site, id);

-- What an account signs in with, as a keyed index of it.
CREATE TABLE identity_login (
    site TEXT NOT NULL,
    login BLOB NOT NULL,
    account TEXT NOT NULL REFERENCES identity_account (id),
    PRIMARY KEY (site, login)
) STRICT;
CREATE INDEX identity_login_account ON identity_login (account);

CREATE TABLE identity_passkey (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    credential BLOB NOT NULL,
    account TEXT NOT NULL REFERENCES identity_account (id),
    stored TEXT NOT NULL,
    name BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER,
    UNIQUE (site, credential)
) STRICT;
CREATE INDEX identity_passkey_account ON identity_passkey (account, id);

CREATE TABLE identity_customer_session (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES identity_account (id),
    token_hash BLOB NOT NULL UNIQUE,
    level TEXT NOT NULL,
    methods TEXT NOT NULL,
    authenticated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    client BLOB NOT NULL
) STRICT;
CREATE INDEX identity_customer_session_account ON identity_customer_session (account, created_at);
CREATE INDEX identity_customer_session_expiry ON identity_customer_session (expires_at);
CREATE INDEX identity_customer_session_idle ON identity_customer_session (seen_at);

-- An account's authenticator app: its secret, and the last step of which a code was taken.
CREATE TABLE identity_totp (
    account TEXT PRIMARY KEY REFERENCES identity_account (id),
    secret BLOB NOT NULL,
    last_step INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Codes that were written down, by keyed digest. Deleted when they are used.
CREATE TABLE identity_recovery_code (
    account TEXT NOT NULL REFERENCES identity_account (id),
    digest TEXT NOT NULL,
    PRIMARY KEY (account, digest)
) STRICT;

-- What somebody began who has to show first that an address is theirs: a new account, or a way back into one. The content is
-- sealed; the code is a keyed digest, and gone once it was shown.
CREATE TABLE identity_pending (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    account TEXT NOT NULL,
    content BLOB NOT NULL,
    code TEXT,
    tries_left INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX identity_pending_expiry ON identity_pending (expires_at);
CREATE INDEX identity_pending_site ON identity_pending (site);

-- Ceremonies of passkeys that were answered: none is answered twice.
CREATE TABLE identity_ceremony (
    challenge BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX identity_ceremony_expiry ON identity_ceremony (expires_at);
