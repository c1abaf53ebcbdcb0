//! A SecLang engine that runs the OWASP Core Rule Set.

pub mod body;
pub mod injection;
