-- Batches of sightings that were taken, so that none is taken twice.
CREATE TABLE pages_batch (
    id TEXT COLLATE "C" PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX pages_batch_age ON pages_batch (at);

-- What pages of a site are for, as a person confirmed it.
CREATE TABLE pages_site (
    site TEXT COLLATE "C" PRIMARY KEY,
    rules TEXT COLLATE "C"
);

-- How a class of pages is held, and what it was seen doing. Headers are those of the newest page.
CREATE TABLE pages_class (
    site TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    hold TEXT COLLATE "C" NOT NULL,
    servings BIGINT NOT NULL,
    reports BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (site, class)
);

-- Pages that are watched, or look as if they should be; ids in their paths are a star.
CREATE TABLE pages_page (
    site TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    proposed TEXT COLLATE "C" NOT NULL,
    reasons TEXT COLLATE "C" NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    servings BIGINT NOT NULL,
    headers TEXT COLLATE "C" NOT NULL,
    baseline TEXT COLLATE "C",
    looked_at BIGINT,
    look_ok_at BIGINT,
    look_error TEXT COLLATE "C",
    PRIMARY KEY (site, path)
);

-- Evaluations of watched pages by day (days since 1970).
CREATE TABLE pages_day (
    site TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    servings BIGINT NOT NULL,
    looks BIGINT NOT NULL,
    looks_failed BIGINT NOT NULL,
    scripts BIGINT NOT NULL,
    changes BIGINT NOT NULL,
    PRIMARY KEY (site, path, day)
);

CREATE TABLE pages_script (
    id TEXT COLLATE "C" PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    script_key TEXT COLLATE "C" NOT NULL,
    form TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C",
    is_own BIGINT NOT NULL,
    skeleton TEXT COLLATE "C",
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    seen_by BIGINT NOT NULL,
    entered BIGINT NOT NULL,
    page TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C",
    risk BIGINT,
    status TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C",
    justification TEXT COLLATE "C",
    decided_by TEXT COLLATE "C",
    decided_at BIGINT,
    pin TEXT COLLATE "C",
    UNIQUE (site, class, script_key)
);
CREATE INDEX pages_script_newest ON pages_script (site, id);
CREATE INDEX pages_script_key ON pages_script (site, script_key);
CREATE INDEX pages_script_skeleton ON pages_script (site, class, skeleton);

-- What scripts said at some time; the beginning of the text where it was seen.
CREATE TABLE pages_version (
    site TEXT COLLATE "C" NOT NULL,
    script_key TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    seen_by BIGINT NOT NULL,
    bytes BIGINT,
    kept BIGINT NOT NULL,
    beginning TEXT COLLATE "C",
    PRIMARY KEY (site, script_key, hash)
);

CREATE TABLE pages_destination (
    id TEXT COLLATE "C" PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    seen_by BIGINT NOT NULL,
    entered BIGINT NOT NULL,
    page TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    justification TEXT COLLATE "C",
    decided_by TEXT COLLATE "C",
    decided_at BIGINT,
    UNIQUE (site, class, kind, place)
);
CREATE INDEX pages_destination_newest ON pages_destination (site, id);

-- Where forms of watched pages were sent to.
CREATE TABLE pages_form (
    site TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    PRIMARY KEY (site, class, path, name, target)
);

CREATE TABLE pages_change (
    id TEXT COLLATE "C" PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    severity BIGINT NOT NULL,
    page TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    sentence TEXT COLLATE "C" NOT NULL,
    script TEXT COLLATE "C",
    hash_before TEXT COLLATE "C",
    hash_after TEXT COLLATE "C",
    risks TEXT COLLATE "C" NOT NULL,
    seen_by BIGINT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    settled_by TEXT COLLATE "C",
    settled_at BIGINT,
    note TEXT COLLATE "C",
    UNIQUE (site, fingerprint)
);
CREATE INDEX pages_change_newest ON pages_change (site, id);
CREATE INDEX pages_change_open ON pages_change (site, state, class);
CREATE INDEX pages_change_age ON pages_change (at);

CREATE TABLE pages_decision (
    id TEXT COLLATE "C" PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C",
    kind TEXT COLLATE "C" NOT NULL,
    items TEXT COLLATE "C" NOT NULL,
    justification TEXT COLLATE "C",
    decided_by TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    undoes TEXT COLLATE "C",
    undone_by TEXT COLLATE "C"
);
CREATE INDEX pages_decision_newest ON pages_decision (site, id);

-- What browsers said that a policy stopped, or would have.
CREATE TABLE pages_violation (
    site TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    directive TEXT COLLATE "C" NOT NULL,
    blocked TEXT COLLATE "C" NOT NULL,
    page TEXT COLLATE "C" NOT NULL,
    sample TEXT COLLATE "C" NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    reports BIGINT NOT NULL,
    PRIMARY KEY (site, class, directive, blocked)
);

CREATE TABLE pages_stopped (
    site TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    stopped_by TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (site, origin)
);
