//! The language: from the text of rule files to directives whose every word is understood.

pub(crate) mod action;
pub(crate) mod ctl;
pub(crate) mod line;
pub(crate) mod setvar;
pub(crate) mod target;
pub(crate) mod template;
