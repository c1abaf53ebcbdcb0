//! How the console says what pages run, who decided what, and what became different.

use gabion_core::Actor;
use gabion_markup::PageClass;
use gabion_page::chart::Ink;
use gabion_page::shell::Status;
use gabion_pages::change::{ChangeKind, ChangeState};
use gabion_pages::decision::{DecisionKind, StageWord, UndecidedWord};
use gabion_pages::destination::DestinationKind;
use gabion_pages::script::ScriptForm;
use gabion_pages::third_party::{Flow, Way};
use gabion_pages::{Entered, SeenBy, Status as Decided};
use gabion_web::Staff;

/// A state in words and color.
pub(crate) type Pill = (Status, &'static str);

/// `Payment pages`.
pub(crate) const fn class(class: PageClass) -> &'static str {
    match class {
        PageClass::Payment => "Payment pages",
        PageClass::SignIn => "Sign-in pages",
        PageClass::Account => "Account pages",
        PageClass::Other => "Other pages",
    }
}

/// `payment pages`, inside a sentence.
pub(crate) const fn class_inside(class: PageClass) -> &'static str {
    match class {
        PageClass::Payment => "payment pages",
        PageClass::SignIn => "sign-in pages",
        PageClass::Account => "account pages",
        PageClass::Other => "other pages",
    }
}

/// What a page is for, in a choice: `paying`.
pub(crate) const fn purpose(class: PageClass) -> &'static str {
    match class {
        PageClass::Payment => "paying",
        PageClass::SignIn => "signing in",
        PageClass::Account => "an account",
        PageClass::Other => "anything else",
    }
}

/// What people decided.
pub(crate) const fn decided(status: Decided) -> Pill {
    match status {
        Decided::New => (Status::Degraded, "waits"),
        Decided::Authorized => (Status::Ok, "approved"),
        Decided::Denied => (Status::Down, "denied"),
    }
}

/// How far a policy is.
pub(crate) const fn stage(stage: StageWord) -> Pill {
    match stage {
        StageWord::Off => (Status::Neutral, "off"),
        StageWord::Learn => (Status::Maintenance, "learning"),
        StageWord::Enforce => (Status::Ok, "enforced"),
    }
}

/// What happens to a script nobody decided about, as a sentence.
pub(crate) fn undecided(word: UndecidedWord, elsewhere: Option<&str>) -> String {
    match (word, elsewhere) {
        (UndecidedWord::Told, _) => "is told of; it runs unless the policy is enforced".to_owned(),
        (UndecidedWord::Stopped, _) => "does not run".to_owned(),
        (UndecidedWord::Elsewhere, Some(address)) => format!("sends customers to {address} instead"),
        (UndecidedWord::Elsewhere, None) => "sends customers elsewhere".to_owned(),
    }
}

/// What became different, as a title.
pub(crate) const fn change(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::ScriptAppeared => "New script",
        ChangeKind::ScriptChanged => "Script changed",
        ChangeKind::ScriptDeniedSeen => "Denied script is there",
        ChangeKind::ScriptGone => "Approved script is gone",
        ChangeKind::DestinationAppeared => "New destination",
        ChangeKind::FormRedirected => "Form is sent elsewhere",
        ChangeKind::HeaderWeakened => "Header protects less",
        ChangeKind::LeakFound => "Answer says too much",
    }
}

/// What to do about it, in sentences.
pub(crate) const fn next_step(kind: ChangeKind) -> [&'static str; 2] {
    match kind {
        ChangeKind::ScriptAppeared => [
            "Ask whoever works on the shop whether they put it there.",
            "If so, approve it and say why it is needed. If nobody knows it, deny it: it stops running at once.",
        ],
        ChangeKind::ScriptChanged => [
            "Read the lines that are different. A new place that data is sent to is the sign of a skimmer.",
            "If it came with an update of yours, accept it. If not, deny the script and look at how it got there.",
        ],
        ChangeKind::ScriptDeniedSeen => [
            "Gabion takes it out of the page, so it does not run. Something still puts it there.",
            "Find what does: a template, a plugin, a tag manager, or somebody who has access to the shop.",
        ],
        ChangeKind::ScriptGone => [
            "Nothing to stop. If you took it out, accept this, so that the account is right.",
            "If you did not, ask whether something that checks or protects the page was removed.",
        ],
        ChangeKind::DestinationAppeared => [
            "Ask which script needs it and what is sent there.",
            "If nobody knows, reject this and stop that place on the page of third parties.",
        ],
        ChangeKind::FormRedirected => [
            "What customers type goes to another place than before. That is urgent unless you moved the form.",
            "If nobody did, put the page back from a copy you trust, and change passwords of the shop.",
        ],
        ChangeKind::HeaderWeakened => [
            "A header that protects your customers is gone or forbids less than what was approved.",
            "Ask what changed in the server or the shop. If it is meant, approve the headers as they are.",
        ],
        ChangeKind::LeakFound => [
            "An answer of the shop tells strangers what they should not know.",
            "Turn off what says it, such as debug pages, or take the file out of the folder that is served.",
        ],
    }
}

/// What became of a change.
pub(crate) const fn state(state: ChangeState) -> Pill {
    match state {
        ChangeState::Open => (Status::Degraded, "open"),
        ChangeState::Accepted => (Status::Ok, "accepted"),
        ChangeState::Rejected => (Status::Down, "rejected"),
    }
}

/// What was decided, as a title.
pub(crate) const fn decision(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Authorize => "Approved",
        DecisionKind::Deny => "Denied",
        DecisionKind::Pin => "Held to its content, or let go",
        DecisionKind::Destinations => "Decided about destinations",
        DecisionKind::ApproveClass => "Approved as it is",
        DecisionKind::ApproveHeaders => "Approved headers",
        DecisionKind::StopOrigin => "Stopped",
        DecisionKind::AllowOrigin => "Allowed again",
        DecisionKind::Hold => "Changed the policy",
        DecisionKind::Classes => "Said what pages are for",
        DecisionKind::SettleChange => "Settled a change",
        DecisionKind::Undo => "Took back",
    }
}

/// What kind of script it is.
pub(crate) const fn form(form: ScriptForm) -> &'static str {
    match form {
        ScriptForm::Web => "a file",
        ScriptForm::Inline => "in the page",
        ScriptForm::Skeleton => "in the page, a little different each time",
        ScriptForm::Handler => "an event handler in the page",
        ScriptForm::Opaque => "inside an address",
    }
}

/// What pages do at a destination.
pub(crate) const fn destination(kind: DestinationKind) -> &'static str {
    match kind {
        DestinationKind::Form => "sends forms to",
        DestinationKind::Frame => "shows in a frame",
        DestinationKind::Connect => "talks to",
        DestinationKind::Image => "loads pictures from",
        DestinationKind::Style => "loads styles from",
        DestinationKind::Font => "loads fonts from",
        DestinationKind::Media => "loads sound and film from",
        DestinationKind::Worker => "loads workers from",
        DestinationKind::Eval => "makes script of text, with",
    }
}

/// `card data, passwords and contact details`; none where nobody enters anything.
pub(crate) fn entered(entered: Entered) -> Option<String> {
    let all = [
        (Entered::CARD, "card data"),
        (Entered::PASSWORD, "passwords"),
        (Entered::CONTACT, "contact details"),
    ];
    let words: Vec<_> = all.iter().filter(|(what, _)| entered.has(*what)).map(|(_, word)| *word).collect();
    joined(&words)
}

/// Who saw it.
pub(crate) fn seen_by(seen_by: SeenBy) -> String {
    let all = [
        (SeenBy::SERVED, "Gabion, in what it served"),
        (SeenBy::OUTSIDE, "a look from outside"),
        (SeenBy::HASH_REPORT, "browsers that ran it"),
        (SeenBy::REPORT, "browsers that a policy told to report"),
    ];
    let words: Vec<_> = all.iter().filter(|(who, _)| seen_by.has(*who)).map(|(_, word)| *word).collect();
    joined(&words).unwrap_or_else(|| "nobody yet".to_owned())
}

/// How a host takes part in pages.
pub(crate) const fn way(way: Way) -> &'static str {
    match way {
        Way::Script => "runs scripts",
        Way::Form => "gets forms",
        Way::Frame => "shows a frame",
        Way::Connect => "is talked to",
        Way::Content => "sends pictures, styles or fonts",
    }
}

/// What could flow to a third party at most.
pub(crate) fn flow(flow: Flow, could_receive: Entered) -> String {
    match (flow, entered(could_receive)) {
        (Flow::FormAccess, Some(what)) => format!("could read {what}"),
        (Flow::FormAccess, None) => "gets what is entered in a form".to_owned(),
        (Flow::OwnFrame, _) => "gets what is entered in its own frame".to_owned(),
        (Flow::WhatScriptsSend, _) => "gets what scripts send it".to_owned(),
        (Flow::AddressOnly, _) => "learns which page somebody looks at".to_owned(),
    }
}

/// The color of what could flow.
pub(crate) fn flow_ink(flow: Flow, could_receive: Entered) -> Ink {
    match flow {
        Flow::FormAccess if could_receive.has(Entered::CARD) => Ink::Danger,
        Flow::FormAccess => Ink::Warn,
        Flow::OwnFrame => Ink::Second,
        Flow::WhatScriptsSend => Ink::Fourth,
        Flow::AddressOnly => Ink::Shop,
    }
}

/// `you`, or who else.
pub(crate) fn who(actor: &Actor, staff: &Staff) -> String {
    match actor {
        Actor::Staff(id) if *id == staff.id.to_string() => "you".to_owned(),
        Actor::System => "Gabion itself".to_owned(),
        Actor::Shell => "somebody with a shell on the machine".to_owned(),
        Actor::Visitor => "a visitor".to_owned(),
        Actor::Staff(id) => format!("staff {id}"),
        Actor::ApiKey(id) => format!("API key {id}"),
        Actor::Customer(id) => format!("customer {id}"),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn joined(words: &[&str]) -> Option<String> {
    match words {
        [] => None,
        [one] => Some((*one).to_owned()),
        [first @ .., last] => Some(format!("{} and {last}", first.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_enter_is_listed_as_people_would() {
        let all = Entered::CARD | Entered::PASSWORD | Entered::CONTACT;
        assert_eq!(entered(all).as_deref(), Some("card data, passwords and contact details"));
        assert_eq!(entered(Entered::CARD).as_deref(), Some("card data"));
        assert_eq!(entered(Entered::default()), None);
    }

    #[test]
    fn what_could_flow_names_card_data_first() {
        assert_eq!(flow(Flow::FormAccess, Entered::CARD), "could read card data");
        assert_eq!(flow_ink(Flow::FormAccess, Entered::CARD), Ink::Danger);
        assert_eq!(flow_ink(Flow::FormAccess, Entered::CONTACT), Ink::Warn);
        assert_eq!(flow(Flow::AddressOnly, Entered::default()), "learns which page somebody looks at");
    }
}
