CREATE TABLE settings_version (
    number      BIGINT NOT NULL PRIMARY KEY,
    at          BIGINT NOT NULL,
    author      TEXT   NOT NULL,
    author_name TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    changes     TEXT   NOT NULL,
    overlay     TEXT   NOT NULL
);
