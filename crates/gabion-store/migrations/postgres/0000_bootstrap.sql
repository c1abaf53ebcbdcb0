CREATE TABLE IF NOT EXISTS gabion_migration (
    domain TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (domain, version)
);
-- One row per role of which only one process may have it. Every start raises the epoch.
CREATE TABLE IF NOT EXISTS gabion_lease (
    name TEXT COLLATE "C" PRIMARY KEY,
    epoch BIGINT NOT NULL,
    holder TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    probes BIGINT NOT NULL
);
