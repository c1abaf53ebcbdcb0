CREATE TABLE access_entry (
    subject     TEXT   NOT NULL PRIMARY KEY,
    verdict     TEXT   NOT NULL,
    ends_at     BIGINT NOT NULL,
    made_at     BIGINT NOT NULL,
    author_name TEXT   NOT NULL,
    reason      TEXT   NOT NULL
);
