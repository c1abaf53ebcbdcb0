-- Customers of a site. What is personal is sealed under the person's key; nothing here says who they are without it.
CREATE TABLE identity_account (
    id TEXT COLLATE "C" PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    email BYTEA,
    name BYTEA,
    language TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C",
    password_at BIGINT,
    created_at BIGINT NOT NULL,
    signed_in_at BIGINT
);
CREATE INDEX identity_account_site ON identity_account (site, id);

-- What an account signs in with, as a keyed index of it.
CREATE TABLE identity_login (
    site TEXT COLLATE "C" NOT NULL,
    login BYTEA NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES identity_account (id),
    PRIMARY KEY (site, login)
);
CREATE INDEX identity_login_account ON identity_login (account);

CREATE TABLE identity_passkey (
    id TEXT COLLATE "C" PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    credential BYTEA NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES identity_account (id),
    stored TEXT COLLATE "C" NOT NULL,
    name BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    UNIQUE (site, credential)
);
CREATE INDEX identity_passkey_account ON identity_passkey (account, id);

CREATE TABLE identity_customer_session (
    id TEXT COLLATE "C" PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES identity_account (id),
    token_hash BYTEA NOT NULL UNIQUE,
    level TEXT COLLATE "C" NOT NULL,
    methods TEXT COLLATE "C" NOT NULL,
    authenticated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    client BYTEA NOT NULL
);
CREATE INDEX identity_customer_session_account ON identity_customer_session (account, created_at);
CREATE INDEX identity_customer_session_expiry ON identity_customer_session (expires_at);
CREATE INDEX identity_customer_session_idle ON identity_customer_session (seen_at);

-- An account's authenticator app: its secret, and the last step of which a code was taken.
CREATE TABLE identity_totp (
    account TEXT COLLATE "C" PRIMARY KEY REFERENCES identity_account (id),
    secret BYTEA NOT NULL,
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Codes that were written down, by keyed digest. Deleted when they are used.
CREATE TABLE identity_recovery_code (
    account TEXT COLLATE "C" NOT NULL REFERENCES identity_account (id),
    digest TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, digest)
);

-- What somebody began who has to show first that an address is theirs: a new account, or a way back into one. The content is
-- sealed; the code is a keyed digest, and gone once it was shown.
CREATE TABLE identity_pending (
    id TEXT COLLATE "C" PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    purpose TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    code TEXT COLLATE "C",
    tries_left BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX identity_pending_expiry ON identity_pending (expires_at);
CREATE INDEX identity_pending_site ON identity_pending (site);

-- Ceremonies of passkeys that were answered: none is answered twice.
CREATE TABLE identity_ceremony (
    challenge BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX identity_ceremony_expiry ON identity_ceremony (expires_at);
