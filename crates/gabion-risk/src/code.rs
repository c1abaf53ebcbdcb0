//! The table of weights: what a score is made of.

use serde::{Serialize, Serializer};

/// What a [`Reason`](crate::Reason) is about. Codes are stable: events keep them, people search for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each has its sentence in the table")]
pub enum Code {
    WatchedNetwork,
    ImpossibleTravel,
    NewDevice,
    ChangedDevice,
    BreachedPassword,
    UnfamiliarNetwork,
    WatchedClient,
    FailuresOfAccount,
    UnfamiliarClient,
    FailuresOfNetwork,
    FailuresOfDevice,
    DoubtfulTravel,
    KnownDevice,
    VerifiedPasskey,
    FirstSignIn,
    Unassessed,
}

/// How many points a reason brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Points for each step: for each failure, or for each doubling of a likelihood. All at once where it equals `max`.
    pub step: u16,
    /// Points at most.
    pub max: u16,
}

impl Weight {
    /// Points for `steps`; nothing below zero.
    pub(crate) fn points(self, steps: f64) -> u16 {
        let points = (steps.max(0.0) * f64::from(self.step)).min(f64::from(self.max));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to max by the line above"
        )]
        let points = points as u16;
        points
    }
}

impl Code {
    /// Every code, the heaviest first.
    pub const ALL: [Self; 16] = [
        Self::WatchedNetwork,
        Self::ImpossibleTravel,
        Self::NewDevice,
        Self::ChangedDevice,
        Self::BreachedPassword,
        Self::UnfamiliarNetwork,
        Self::WatchedClient,
        Self::FailuresOfAccount,
        Self::UnfamiliarClient,
        Self::FailuresOfNetwork,
        Self::FailuresOfDevice,
        Self::DoubtfulTravel,
        Self::KnownDevice,
        Self::VerifiedPasskey,
        Self::FirstSignIn,
        Self::Unassessed,
    ];

    /// The table: name, points for each step, points at most, sentence. Chosen by hand and measured on made-up
    /// histories (`tests/it/detection.rs`); docs/concepts/risk.md shows the same table.
    #[rustfmt::skip]
    const fn row(self) -> (&'static str, u16, u16, &'static str) {
        match self {
            Self::WatchedNetwork => ("watched_network", 300, 300, "Lists of passwords were tried from this network."),
            Self::ImpossibleTravel => ("impossible_travel", 240, 240, "The last sign-in was too far away to have traveled here since."),
            Self::NewDevice => ("new_device", 220, 220, "This account was not used from this device before."),
            Self::ChangedDevice => ("changed_device", 220, 220, "The device's cookie came from other software than before."),
            Self::BreachedPassword => ("breached_password", 220, 220, "The password is on a list of breached passwords."),
            Self::UnfamiliarNetwork => ("unfamiliar_network", 50, 200, "This account is not usually used from this network."),
            Self::WatchedClient => ("watched_client", 200, 200, "Lists of passwords were tried with this kind of program."),
            Self::FailuresOfAccount => ("failures_of_account", 20, 200, "Sign-ins to this account failed lately."),
            Self::UnfamiliarClient => ("unfamiliar_client", 40, 160, "This account is not usually used with this kind of browser."),
            Self::FailuresOfNetwork => ("failures_of_network", 5, 150, "Sign-ins from this network failed lately."),
            Self::FailuresOfDevice => ("failures_of_device", 20, 100, "Sign-ins from this device failed lately."),
            Self::DoubtfulTravel => ("doubtful_travel", 100, 100, "The last sign-in seems far away, but such addresses say little about where somebody is."),
            Self::KnownDevice => ("known_device", 0, 0, "This account was used from this device before: asked for more at most, not refused."),
            Self::VerifiedPasskey => ("verified_passkey", 0, 0, "A passkey verified its owner: not asked for more."),
            Self::FirstSignIn => ("first_sign_in", 0, 0, "There is no earlier sign-in to compare with."),
            Self::Unassessed => ("unassessed", 0, 0, "The risk could not be assessed in time."),
        }
    }

    /// Its name in events and on pages.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// How many points it brings.
    pub const fn weight(self) -> Weight {
        let (_, step, max, _) = self.row();
        Weight { step, max }
    }

    /// What it means, for people, in English.
    pub const fn sentence(self) -> &'static str {
        self.row().3
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_names_are_its_own() {
        assert!(Code::ALL.is_sorted_by_key(|code| std::cmp::Reverse(code.weight().max)));
        assert!(Code::ALL.is_sorted(), "in the order of the type");
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn points_stop_at_the_maximum_and_at_zero() {
        let weight = Weight { step: 40, max: 100 };
        assert_eq!(
            [-3.0, 0.0, 1.0, 2.0, 3.0, f64::INFINITY].map(|steps| weight.points(steps)),
            [0, 0, 40, 80, 100, 100]
        );
    }
}
