//! Rules for people: what each of a loaded set is about.

use crate::error::Location;
use crate::program::{Link, Rule};
use crate::seclang::action::{Phase, severity_name};

/// What the tags begin with in which rule sets say how strict a rule is. Source: CRS.
const PARANOIA_TAG: &str = "paranoia-level/";

/// A rule of a loaded set, with all that is chained to it.
#[derive(Clone, Copy, Debug)]
pub struct RuleView<'a>(pub(crate) &'a Rule);

impl<'a> RuleView<'a> {
    /// Its id.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// When it runs.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The name of its severity, such as `CRITICAL`.
    pub fn severity(&self) -> Option<&'static str> {
        self.0.severity.map(severity_name)
    }

    /// The paranoia level from which it runs, 1 to 4, if its tags say so.
    pub fn paranoia_level(&self) -> Option<u8> {
        self.tags().find_map(|tag| tag.strip_prefix(PARANOIA_TAG)?.parse().ok())
    }

    /// Its message, with macros as they are written; empty if it has none.
    pub fn message(&self) -> String {
        let message = self.0.links.iter().find_map(|link: &Link| link.msg.as_ref());
        message.map(ToString::to_string).unwrap_or_default()
    }

    /// Its tags, in order.
    pub fn tags(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.tags.iter().map(AsRef::as_ref)
    }

    /// Where it stands.
    pub fn location(&self) -> &'a Location {
        &self.0.location
    }

    /// Whether operators read of its matches; if not, it only prepares or counts.
    pub fn logs(&self) -> bool {
        self.0.log
    }
}

#[cfg(test)]
mod tests {
    use crate::{Disk, Phase, RuleSet, Source};

    #[test]
    fn rules_say_what_they_are_about() {
        let text = "SecAction \"id:1,phase:1,nolog,pass\"\n\
                    SecRule ARGS \"@rx x\" \"id:2,phase:2,deny,msg:'Found %{MATCHED_VAR} by %{tx.a}',\
                    severity:CRITICAL,tag:'attack-x',tag:'paranoia-level/3',chain\"\n\
                    SecRule ARGS \"@rx y\" \"t:none\"\n";
        let rules = RuleSet::load(&[Source::text("a.conf", text)], &Disk).expect("they load");
        let [first, second] = rules.iter().collect::<Vec<_>>()[..] else { panic!("two rules") };
        assert_eq!((first.id(), first.phase(), first.logs()), (1, Phase::RequestHeaders, false));
        assert_eq!((first.severity(), first.paranoia_level(), first.message()), (None, None, String::new()));
        assert_eq!((second.id(), second.phase(), second.logs()), (2, Phase::RequestBody, true));
        assert_eq!(second.message(), "Found %{MATCHED_VAR} by %{TX.a}");
        assert_eq!((second.severity(), second.paranoia_level()), (Some("CRITICAL"), Some(3)));
        assert_eq!(second.tags().collect::<Vec<_>>(), ["attack-x", "paranoia-level/3"]);
        assert_eq!(second.location().to_string(), "a.conf:2");
    }
}
