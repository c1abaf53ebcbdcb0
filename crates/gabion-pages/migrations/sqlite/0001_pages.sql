-- Batches of sightings that were taken, so that none is taken twice.
CREATE TABLE pages_batch (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX pages_batch_age ON pages_batch (at);

-- What pages of a site are for, as a person confirmed it.
CREATE TABLE pages_site (
    site TEXT PRIMARY KEY,
    rules TEXT
) STRICT;

-- How a class of pages is held, and what it was seen doing. Headers are those of the newest page.
CREATE TABLE pages_class (
    site TEXT NOT NULL,
    class TEXT NOT NULL,
    hold TEXT NOT NULL,
    servings INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (site, class)
) STRICT;

-- Pages that are watched, or look as if they should be; ids in their paths are a star.
CREATE TABLE pages_page (
    site TEXT NOT NULL,
    path TEXT NOT NULL,
    address TEXT NOT NULL,
    class TEXT NOT NULL,
    proposed TEXT NOT NULL,
    reasons TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    servings INTEGER NOT NULL,
    headers TEXT NOT NULL,
    baseline TEXT,
    looked_at INTEGER,
    look_ok_at INTEGER,
    look_error TEXT,
    PRIMARY KEY (site, path)
) STRICT;

-- Evaluations of watched pages by day (days since 1970).
CREATE TABLE pages_day (
    site TEXT NOT NULL,
    path TEXT NOT NULL,
    day INTEGER NOT NULL,
    class TEXT NOT NULL,
    servings INTEGER NOT NULL,
    looks INTEGER NOT NULL,
    looks_failed INTEGER NOT NULL,
    scripts INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    PRIMARY KEY (site, path, day)
) STRICT;

CREATE TABLE pages_script (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    class TEXT NOT NULL,
    script_key TEXT NOT NULL,
    form TEXT NOT NULL,
    label TEXT NOT NULL,
    origin TEXT,
    is_own INTEGER NOT NULL,
    skeleton TEXT,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    seen_by INTEGER NOT NULL,
    entered INTEGER NOT NULL,
    page TEXT NOT NULL,
    hash TEXT,
    risk INTEGER,
    status TEXT NOT NULL,
    owner TEXT,
    justification TEXT,
    decided_by TEXT,
    decided_at INTEGER,
    pin TEXT,
    UNIQUE (site, class, script_key)
) STRICT;
CREATE INDEX pages_script_newest ON pages_script (site, id);
CREATE INDEX pages_script_key ON pages_script (site, script_key);
CREATE INDEX pages_script_skeleton ON pages_script (site, class, skeleton);

-- What scripts said at some time; the beginning of the text where it was seen.
CREATE TABLE pages_version (
    site TEXT NOT NULL,
    script_key TEXT NOT NULL,
    hash TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    seen_by INTEGER NOT NULL,
    bytes INTEGER,
    kept INTEGER NOT NULL,
    beginning TEXT,
    PRIMARY KEY (site, script_key, hash)
) STRICT;

CREATE TABLE pages_destination (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    class TEXT NOT NULL,
    kind TEXT NOT NULL,
    place TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    seen_by INTEGER NOT NULL,
    entered INTEGER NOT NULL,
    page TEXT NOT NULL,
    status TEXT NOT NULL,
    justification TEXT,
    decided_by TEXT,
    decided_at INTEGER,
    UNIQUE (site, class, kind, place)
) STRICT;
CREATE INDEX pages_destination_newest ON pages_destination (site, id);

-- Where forms of watched pages were sent to.
CREATE TABLE pages_form (
    site TEXT NOT NULL,
    class TEXT NOT NULL,
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    target TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    PRIMARY KEY (site, class, path, name, target)
) STRICT;

CREATE TABLE pages_change (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    class TEXT NOT NULL,
    kind TEXT NOT NULL,
    severity INTEGER NOT NULL,
    page TEXT NOT NULL,
    subject TEXT NOT NULL,
    sentence TEXT NOT NULL,
    script TEXT,
    hash_before TEXT,
    hash_after TEXT,
    risks TEXT NOT NULL,
    seen_by INTEGER NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    settled_by TEXT,
    settled_at INTEGER,
    note TEXT,
    UNIQUE (site, fingerprint)
) STRICT;
CREATE INDEX pages_change_newest ON pages_change (site, id);
CREATE INDEX pages_change_open ON pages_change (site, state, class);
CREATE INDEX pages_change_age ON pages_change (at);

CREATE TABLE pages_decision (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    class TEXT,
    kind TEXT NOT NULL,
    items TEXT NOT NULL,
    justification TEXT,
    decided_by TEXT NOT NULL,
    at INTEGER NOT NULL,
    undoes TEXT,
    undone_by TEXT
) STRICT;
CREATE INDEX pages_decision_newest ON pages_decision (site, id);

-- What browsers said that a policy stopped, or would have.
CREATE TABLE pages_violation (
    site TEXT NOT NULL,
    class TEXT NOT NULL,
    directive TEXT NOT NULL,
    blocked TEXT NOT NULL,
    page TEXT NOT NULL,
    sample TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (site, class, directive, blocked)
) STRICT;

CREATE TABLE pages_stopped (
    site TEXT NOT NULL,
    origin TEXT NOT NULL,
    reason TEXT NOT NULL,
    stopped_by TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (site, origin)
) STRICT;
