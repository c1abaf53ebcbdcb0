//! An event of the rules, read back: what an operator can do about it when it was a false alarm.

use gabion_core::Event;
use gabion_edge::config::{Exclusion, Part};
use percent_encoding::percent_decode_str;

/// Kinds of events that name rules and what they looked at.
const KINDS: [&str; 3] = ["waf.blocked", "waf.flagged", "waf.flagged_visitor_bought"];

/// What the rules said of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// The decoded path of the request.
    pub(crate) path: String,
    /// The message of the rule that says most.
    pub(crate) message: String,
    /// Rules, and the variable that each found something in.
    pub(crate) places: Vec<(u64, String)>,
}

impl Alarm {
    /// What an event says; none where it is of another kind.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        if !KINDS.contains(&event.kind.as_ref()) {
            return None;
        }
        let text = |name: &str| {
            let field = event.fields.iter().find(|field| field.name == name);
            field.map(|field| field.value.to_string()).unwrap_or_default()
        };
        let place = |place: &str| {
            let (rule, variable) = place.split_once(' ')?;
            Some((rule.parse().ok()?, variable.to_owned()))
        };
        Some(Self {
            path: percent_decode_str(&text("path")).decode_utf8_lossy().into_owned(),
            message: text("message"),
            places: text("rules").split(", ").filter_map(place).collect(),
        })
    }

    /// The place that the rule which says most looked at: not a sum of scores.
    pub(crate) fn first(&self) -> Option<&(u64, String)> {
        self.places.iter().find(|(_, variable)| !variable.starts_with("TX:"))
    }

    /// What would have let it pass: for each part of the request, the rules that were wrong about it.
    pub(crate) fn exclusions(&self) -> Vec<Exclusion> {
        let mut exclusions: Vec<Exclusion> = Vec::new();
        for (rule, variable) in &self.places {
            let Some(part) = part(variable) else { continue };
            match exclusions.iter_mut().find(|known| known.part == part) {
                Some(known) if known.rules.contains(rule) => {}
                Some(known) => known.rules.push(*rule),
                None => exclusions.push(Exclusion { path: self.path.clone(), rules: vec![*rule], part }),
            }
        }
        exclusions
    }

    /// What rules looked at that no exclusion can name, such as the path itself.
    pub(crate) fn elsewhere(&self) -> Vec<&(u64, String)> {
        self.places
            .iter()
            .filter(|(_, variable)| !variable.starts_with("TX:") && part(variable).is_none())
            .collect()
    }
}

/// The named part of a request that a variable is. The names of headers, and the names of parameters by where they were
/// sent, have variables of their own that no exclusion covers.
pub(crate) fn part(variable: &str) -> Option<Part> {
    let (collection, name) = variable.split_once(':')?;
    let name = name.to_owned();
    Some(match collection {
        "ARGS" | "ARGS_GET" | "ARGS_POST" | "ARGS_NAMES" => Part::Parameter(name),
        "REQUEST_COOKIES" | "REQUEST_COOKIES_NAMES" => Part::Cookie(name),
        "REQUEST_HEADERS" => Part::Header(name),
        _ => return None,
    })
}

/// A part as a person reads it.
pub(crate) fn words(part: &Part) -> String {
    match part {
        Part::Parameter(name) => format!("the parameter {name}"),
        Part::Cookie(name) => format!("the cookie {name}"),
        Part::Header(name) => format!("the header {name}"),
    }
}

/// `rule 942100`, `rules 942100 and 942190`.
pub(crate) fn rules(ids: &[u64]) -> String {
    match ids {
        [one] => format!("rule {one}"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(u64::to_string).collect();
            format!("rules {} and {last}", first.join(", "))
        }
        [] => "no rule".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use gabion_core::{Actor, EventId, EventKind, Severity, Timestamp};

    use super::*;

    const FLAGGED: EventKind = EventKind::new("waf.flagged", 1, Severity::Info);

    fn alarm(rules: &str) -> Alarm {
        let event = Event::new(&FLAGGED, EventId::from_bits(7), Timestamp::default(), Actor::Visitor)
            .field("rules", rules)
            .field("message", "SQL injection")
            .field("path", "/s%C3%BCche");
        Alarm::of(&event).expect("it is an alarm")
    }

    #[test]
    fn rules_are_gathered_by_the_part_they_looked_at() {
        let alarm = alarm("942100 ARGS:q, 942190 ARGS:q, 941100 REQUEST_COOKIES:seen, 949110 TX:score");
        let exclusion = |part, rules: &[u64]| Exclusion { path: "/süche".into(), rules: rules.into(), part };
        let expected = [
            exclusion(Part::Parameter("q".into()), &[942_100, 942_190]),
            exclusion(Part::Cookie("seen".into()), &[941_100]),
        ];
        assert_eq!(alarm.exclusions(), expected);
        assert!(alarm.elsewhere().is_empty(), "the sum of the scores is no part of a request");
    }

    #[test]
    fn what_has_no_name_cannot_be_excluded() {
        let names = "920450 REQUEST_HEADERS_NAMES:x-up, 941100 ARGS_GET_NAMES:q, 941100 ARGS_POST_NAMES:q";
        let alarm = alarm(&format!("930120 REQUEST_FILENAME, 942100 ARGS:q, {names}"));
        assert_eq!(alarm.exclusions().len(), 1);
        let elsewhere: Vec<_> = alarm.elsewhere().iter().map(|(_, variable)| variable.as_str()).collect();
        let expected =
            ["REQUEST_FILENAME", "REQUEST_HEADERS_NAMES:x-up", "ARGS_GET_NAMES:q", "ARGS_POST_NAMES:q"];
        assert_eq!(elsewhere, expected);
    }

    #[test]
    fn other_events_are_no_alarms() {
        const LIMITED: EventKind = EventKind::new("edge.request_limited", 1, Severity::Info);
        let event = Event::new(&LIMITED, EventId::from_bits(7), Timestamp::default(), Actor::Visitor);
        assert_eq!(Alarm::of(&event), None);
    }

    #[test]
    fn rules_are_listed_as_people_would() {
        assert_eq!(rules(&[1]), "rule 1");
        assert_eq!(rules(&[1, 2, 3]), "rules 1, 2 and 3");
    }
}
