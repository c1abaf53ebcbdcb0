//! A statement about the protection of payment pages against scripts, for shops with embedded payment fields that answer
//! questionnaire SAQ A. PCI SSC FAQ 1588 (February 2025) names techniques such as those of requirements 6.4.3 and 11.6.1
//! as one way to confirm that a site is not susceptible to attacks from scripts; a confirmation by the provider is
//! another, and shops that lead people to the provider as a whole need neither. The words are Gabion's own.

use std::fmt::Write;

use gabion_core::SiteId;
use gabion_markup::PageClass;

use crate::change::ChangeState;
use crate::decision::StageWord;
use crate::evidence::{Period, checked};
use crate::overview::ClassOverview;
use crate::store::day::Day;
use crate::{Pages, PagesError, Status, store};

/// What a statement counts.
struct Counts {
    class: Option<ClassOverview>,
    pages: usize,
    justified: usize,
    authorized: usize,
    undecided: usize,
    denied: usize,
    changes: usize,
    changes_open: usize,
    days: Vec<Day>,
}

impl Pages {
    /// What was done on the payment pages of a site in a period to notice and stop scripts that nobody approved, as text
    /// in Markdown. It says what was observed and what is left to people, and judges nothing.
    ///
    /// # Errors
    /// [`PagesError::Field`] when the period cannot be used; [`PagesError::Store`].
    pub async fn statement(&self, site: &SiteId, period: Period) -> Result<String, PagesError> {
        checked(period)?;
        let (of, now) = (site.clone(), self.now());
        let counts = self
            .db()
            .read(move |tx| {
                let payment = PageClass::Payment;
                let scripts = store::script::all(tx, &of, Some(payment))?;
                let with = |status| scripts.iter().filter(move |script| script.status == status).count();
                let span = (period.from, period.until);
                let mut changes = store::change::between(tx, &of, span, "", CHANGES_MAX)?;
                changes.retain(|change| change.class == payment);
                let classes = store::overview::classes(tx, &of, now)?;
                let pages = store::page::all(tx, &of)?;
                Ok::<_, PagesError>(Counts {
                    class: classes.into_iter().find(|class| class.class == payment),
                    pages: pages.iter().filter(|row| row.view.class == payment).count(),
                    justified: scripts
                        .iter()
                        .filter(|script| {
                            script.status == Status::Authorized && script.justification.is_some()
                        })
                        .count(),
                    authorized: with(Status::Authorized),
                    undecided: with(Status::New),
                    denied: with(Status::Denied),
                    changes_open: changes.iter().filter(|one| one.state == ChangeState::Open).count(),
                    changes: changes.len(),
                    days: store::day::between(tx, &of, payment, span)?,
                })
            })
            .await?;
        let mut text = String::new();
        write_statement(&mut text, site, period, &counts).expect("text takes text");
        Ok(text)
    }
}

/// Changes that a statement counts.
const CHANGES_MAX: usize = 9_000;

fn write_statement(text: &mut String, site: &SiteId, period: Period, counts: &Counts) -> std::fmt::Result {
    let Period { from, until } = period;
    let days: std::collections::BTreeSet<&str> = counts.days.iter().map(|day| day.day.as_str()).collect();
    let servings: u64 = counts.days.iter().map(|day| day.servings).sum();
    let looks: u64 = counts.days.iter().map(|day| day.looks).sum();
    let failed: u64 = counts.days.iter().map(|day| day.looks_failed).sum();
    let (from, until) = (from.date(), until.date());
    writeln!(text, "# Scripts on the payment pages of {site}\n\nFrom {from} until {until}, days in UTC.\n")?;
    writeln!(
        text,
        "This text says what Gabion observed and what people of the shop decided. It is no certificate and does not \
         say that a requirement is met; that is for the shop, its acquirer and its assessor to judge. It is meant for \
         shops whose payment fields are embedded from a payment provider.\n"
    )?;
    writeln!(text, "## What was looked at\n")?;
    writeln!(
        text,
        "- Payment pages: {}. Times that Gabion looked at one while serving it: {servings}. Days with such a time: {}.",
        counts.pages,
        days.len()
    )?;
    writeln!(
        text,
        "- Looks from outside, as a visitor without a cart: {looks}. Looks that saw nothing: {failed}."
    )?;
    writeln!(text, "\n## What runs there\n")?;
    writeln!(
        text,
        "- Scripts: {} authorized, {} of them with a written reason; {} undecided; {} denied, which do not run where Gabion \
         can tell them apart.",
        counts.authorized, counts.justified, counts.undecided, counts.denied
    )?;
    writeln!(text, "- {}", stage(counts.class.as_ref()))?;
    writeln!(text, "- {}", baseline(counts.class.as_ref()))?;
    writeln!(text, "\n## What changed\n")?;
    writeln!(
        text,
        "- Changes of scripts, places, forms and headers that were noticed and told: {}. Not settled yet: {}.",
        counts.changes, counts.changes_open
    )?;
    writeln!(text, "\n## What is left to people\n")?;
    writeln!(
        text,
        "- To look at what is undecided or not settled.\n- To keep the software of the shop and its accounts in order: a \
         script that is served by somebody with the shop's own rights looks like the shop's.\n- What runs inside the \
         frame of the payment provider: neither Gabion nor the shop sees it.\n- Pages that are served past Gabion."
    )?;
    writeln!(
        text,
        "\nSources to read beside it: PCI DSS 4.0.1, requirements 6.4.3 and 11.6.1; questionnaire SAQ A, its eligibility \
         criteria; PCI SSC FAQ 1588."
    )
}

fn stage(class: Option<&ClassOverview>) -> String {
    match class.map(|class| class.stage) {
        None => "No payment page was seen.".to_owned(),
        Some(StageWord::Off) => "Browsers are told no policy.".to_owned(),
        Some(StageWord::Learn) => {
            "Browsers report what differs from the inventory, and run it: the policy is not enforced."
                .to_owned()
        }
        Some(StageWord::Enforce) => {
            "Browsers that know content security policies keep to a policy made of what was authorized."
                .to_owned()
        }
    }
}

fn baseline(class: Option<&ClassOverview>) -> String {
    match class.and_then(|class| class.baseline_at) {
        None => "No headers were approved, so that nothing was compared with them.".to_owned(),
        Some(at) => {
            format!(
                "Headers that protect the reader are compared with those approved on {}, whenever Gabion looks at a \
                 page.",
                at.date()
            )
        }
    }
}
