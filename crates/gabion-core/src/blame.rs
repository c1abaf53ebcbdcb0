//! Who has to act on an error, and how it is told.

/// Who has to act on an error. Every error enum of the workspace knows its blame; it picks the HTTP status
/// family and whether anyone is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller sent something that can never work: 4xx, logged at debug.
    Client,
    /// A system we depend on failed: 502, 503 or 504, logged at warn.
    Upstream,
    /// The configuration or the machine is wrong: logged at error with what to do.
    Operator,
    /// An invariant of ours broke: 500, logged at error.
    Bug,
}

/// An error with its causes, on one line: "upstream shop: connection refused".
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outside")]
    struct Outside(#[source] std::fmt::Error);

    #[test]
    fn causes_follow_their_effects() {
        assert_eq!(chain(&Outside(std::fmt::Error)), format!("outside: {}", std::fmt::Error));
    }
}
