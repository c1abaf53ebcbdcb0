//! The operator's console: server-rendered pages over the domains' read models.
