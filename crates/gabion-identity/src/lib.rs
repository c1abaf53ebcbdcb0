//! Who may act: staff accounts, sessions, roles and API keys.
