//! What pages of one site are held to, ready for every answer.

use std::sync::Arc;

use gabion_markup::holding::{ClassHolding, SiteHolding, Stage, TrustBy, Undecided};
use gabion_markup::policy::{Allowlist, Mode, PlanError};
use gabion_markup::{Address, PageClass};

use super::policy::PolicyText;

/// What pages of one site are held to.
pub(super) struct SiteHeld {
    pub(super) holding: SiteHolding,
    classes: [ClassHeld; PageClass::ALL.len()],
}

/// What pages of one class are held to.
#[derive(Default)]
pub(super) struct ClassHeld {
    /// How far the policy is.
    pub(super) stage: Stage,
    /// The policy that browsers report on; none where they are told nothing.
    pub(super) learn: Option<PolicyText>,
    /// The policy that browsers keep to.
    pub(super) enforce: Option<PolicyText>,
    /// Whether a script could have to be stopped or pinned in the page itself.
    pub(super) judges: bool,
    /// Where customers are led whose page has a script that nobody decided about.
    pub(super) elsewhere: Option<Arc<Address>>,
    too_long: Option<usize>,
}

impl SiteHeld {
    /// Prepares all of it.
    pub(super) fn new(holding: SiteHolding) -> Self {
        let stops = !holding.stopped_origins.is_empty();
        let classes = PageClass::ALL.map(|class| match holding.by_class.get(&class) {
            Some(held) => ClassHeld::new(held, stops),
            None => ClassHeld { stage: Stage::Off, judges: stops, ..ClassHeld::default() },
        });
        Self { holding, classes }
    }

    /// What a page at this normalized path is for.
    pub(super) fn class_of(&self, path: &str) -> PageClass {
        PageClass::of(path, &self.holding.classes)
    }

    /// What pages of this class are held to.
    pub(super) fn class(&self, class: PageClass) -> &ClassHeld {
        let place = PageClass::ALL.iter().position(|known| *known == class);
        &self.classes[place.expect("all classes are known")]
    }

    /// Classes whose policy does not fit into a header, with its length in bytes.
    pub(super) fn too_long(&self) -> Vec<(PageClass, usize)> {
        let long = PageClass::ALL.iter().zip(&self.classes);
        long.filter_map(|(class, held)| Some((*class, held.too_long?))).collect()
    }
}

impl ClassHeld {
    fn new(held: &ClassHolding, stops: bool) -> Self {
        let pins = held.stage == Stage::Enforce && !held.pinned.is_empty();
        let mut prepared = Self {
            stage: held.stage,
            judges: stops || pins || !held.denied.is_empty() || held.undecided != Undecided::Told,
            elsewhere: match &held.undecided {
                Undecided::Elsewhere(address) => Some(Arc::new(address.clone())),
                Undecided::Told | Undecided::Stopped => None,
            },
            ..Self::default()
        };
        if held.stage != Stage::Off
            && let Err(PlanError::TooLong { bytes }) = prepared.write(held)
        {
            // Rather than a page that breaks: browsers report what is not of the shop itself.
            prepared.stage = Stage::Learn;
            prepared.too_long = Some(bytes);
            prepared.enforce = None;
            prepared.learn =
                PolicyText::prepare(&Allowlist::of_own(), TrustBy::Places, Mode::ReportOnly).ok();
        }
        prepared
    }

    fn write(&mut self, held: &ClassHolding) -> Result<(), PlanError> {
        self.learn = Some(PolicyText::prepare(&held.allowed, held.trust, Mode::ReportOnly)?);
        if held.stage == Stage::Enforce {
            self.enforce = Some(PolicyText::prepare(&held.allowed, held.trust, Mode::Enforce)?);
        }
        Ok(())
    }

    /// Whether a page that a browser kept must not be called current.
    pub(super) fn is_fresh(&self) -> bool {
        self.judges || self.enforce.is_some() || self.learn.as_ref().is_some_and(PolicyText::needs_nonce)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gabion_markup::ContentHash;

    use super::*;

    fn held(class: ClassHolding) -> SiteHeld {
        let by_class = BTreeMap::from([(PageClass::Payment, class)]);
        SiteHeld::new(SiteHolding { by_class, ..SiteHolding::default() })
    }

    #[test]
    fn a_class_that_nobody_decided_about_is_only_looked_at() {
        let held = held(ClassHolding::default());
        let payment = held.class(PageClass::Payment);
        assert!(payment.learn.is_some() && payment.enforce.is_none() && !payment.is_fresh());
        let other = held.class(PageClass::Other);
        assert!(other.learn.is_none() && other.stage == Stage::Off && !other.is_fresh());
    }

    #[test]
    fn what_does_not_fit_into_a_header_is_learned_from_and_told() {
        let mut class = ClassHolding { stage: Stage::Enforce, ..ClassHolding::default() };
        class.allowed.inline.extend((0..200_u32).map(|n| ContentHash::of(&n.to_be_bytes())));
        let held = held(class);
        let payment = held.class(PageClass::Payment);
        assert!(payment.stage == Stage::Learn && payment.enforce.is_none() && payment.learn.is_some());
        assert!(matches!(held.too_long()[..], [(PageClass::Payment, bytes)] if bytes > 4096));
    }
}
