//! The operator's console: server-rendered pages over the domains' read models, and the same facts as JSON.

pub mod control;
