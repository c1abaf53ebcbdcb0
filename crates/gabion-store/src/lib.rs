//! Durable storage over SQLite and PostgreSQL: transactions, journal, outbox, key rows, backups.
