//! Third parties: whose hosts pages of a site talk to, and what could flow there.

use std::collections::{BTreeMap, BTreeSet};

use gabion_core::{SiteId, Timestamp};
use gabion_markup::{Address, PageClass};
use serde::Serialize;

use crate::destination::{DestinationKind, DestinationView};
use crate::script::ScriptView;
use crate::{Entered, Pages, PagesError, Status, company, store};

/// How a host takes part in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Its scripts run in the page and can read everything there.
    Script,
    /// Forms are sent to it.
    Form,
    /// It is shown in a frame; what is entered there goes to it.
    Frame,
    /// Scripts send to it or ask it.
    Connect,
    /// Pictures, films, fonts and stylesheets come from it: it learns addresses of pages.
    Content,
}

/// What could flow to a third party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// The address of the page, and that somebody is there.
    AddressOnly,
    /// What scripts send to it.
    WhatScriptsSend,
    /// What is entered in its own frame.
    OwnFrame,
    /// What is entered in forms.
    FormAccess,
}

/// A host that takes part in pages of a site.
#[derive(Clone, Debug, Serialize)]
pub struct ThirdParty {
    /// The origin, such as `https://cdn.example`.
    pub origin: String,
    /// The company it is known to belong to.
    pub company: Option<&'static str>,
    /// What such hosts are for, in a few words.
    pub purpose: Option<&'static str>,
    /// Pages it takes part in.
    pub classes: BTreeSet<PageClass>,
    /// How.
    pub ways: BTreeSet<Way>,
    /// What could flow there at most.
    pub flow: Flow,
    /// What people enter that it could read or is sent.
    pub could_receive: Entered,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// Scripts from it that nobody decided about.
    pub scripts_new: u64,
    /// Whether its scripts were stopped.
    pub is_stopped: bool,
}

impl Pages {
    /// Third parties of a site, those that could receive most first.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn third_parties(&self, site: &SiteId) -> Result<Vec<ThirdParty>, PagesError> {
        let site = site.clone();
        let (scripts, destinations, stopped) = self
            .db()
            .read(move |tx| {
                let scripts = store::script::foreign(tx, &site)?;
                let destinations = store::destination::all(tx, &site, None)?;
                Ok::<_, PagesError>((scripts, destinations, store::site::stopped(tx, &site)?))
            })
            .await?;
        let stopped: BTreeSet<String> = stopped.into_iter().map(|stop| stop.origin).collect();
        Ok(gather(&scripts, &destinations, &stopped))
    }

    /// Third parties of a site as a plain list for a page about privacy.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn privacy_list(&self, site: &SiteId) -> Result<String, PagesError> {
        let parties = self.third_parties(site).await?;
        Ok(parties.iter().filter(|party| !party.is_stopped).map(line).collect())
    }
}

fn gather(
    scripts: &[ScriptView],
    destinations: &[DestinationView],
    stopped: &BTreeSet<String>,
) -> Vec<ThirdParty> {
    let mut parties: BTreeMap<String, ThirdParty> = BTreeMap::new();
    for script in scripts {
        let Some(origin) = &script.origin else { continue };
        let party = entry(&mut parties, origin, script.first_seen, script.last_seen);
        let flow = if script.reads.is_empty() { Flow::WhatScriptsSend } else { Flow::FormAccess };
        party.add(script.class, Way::Script, flow, script.reads);
        party.scripts_new += u64::from(script.status == Status::New);
    }
    for place in destinations.iter().filter(|place| place.place.contains("://")) {
        let (way, flow) = match place.kind {
            DestinationKind::Form => (Way::Form, Flow::FormAccess),
            DestinationKind::Frame => (Way::Frame, Flow::OwnFrame),
            DestinationKind::Connect | DestinationKind::Worker | DestinationKind::Eval => {
                (Way::Connect, Flow::WhatScriptsSend)
            }
            DestinationKind::Image
            | DestinationKind::Style
            | DestinationKind::Font
            | DestinationKind::Media => (Way::Content, Flow::AddressOnly),
        };
        let party = entry(&mut parties, &place.place, place.first_seen, place.last_seen);
        party.add(place.class, way, flow, place.receives);
    }
    let mut parties: Vec<ThirdParty> = parties.into_values().collect();
    for party in &mut parties {
        party.is_stopped = stopped.contains(&party.origin);
    }
    parties
        .sort_by(|a, b| (b.flow, b.could_receive.0, &a.origin).cmp(&(a.flow, a.could_receive.0, &b.origin)));
    parties
}

fn entry<'a>(
    parties: &'a mut BTreeMap<String, ThirdParty>,
    origin: &str,
    first_seen: Timestamp,
    last_seen: Timestamp,
) -> &'a mut ThirdParty {
    let known = Address::parse(origin).and_then(|address| company::of_host(address.host()));
    let party = parties.entry(origin.to_owned()).or_insert_with(|| ThirdParty {
        origin: origin.to_owned(),
        company: known.map(|known| known.company),
        purpose: known.map(|known| known.purpose.sentence()),
        classes: BTreeSet::new(),
        ways: BTreeSet::new(),
        flow: Flow::AddressOnly,
        could_receive: Entered::default(),
        first_seen,
        last_seen,
        scripts_new: 0,
        is_stopped: false,
    });
    party.first_seen = party.first_seen.min(first_seen);
    party.last_seen = party.last_seen.max(last_seen);
    party
}

impl ThirdParty {
    fn add(&mut self, class: PageClass, way: Way, flow: Flow, could_receive: Entered) {
        self.classes.insert(class);
        self.ways.insert(way);
        self.flow = self.flow.max(flow);
        self.could_receive = self.could_receive | could_receive;
    }
}

/// One line of the list: who, on which pages, for what, what they may learn.
fn line(party: &ThirdParty) -> String {
    let host = party.origin.split_once("://").map_or(party.origin.as_str(), |(_, host)| host);
    let who = party.company.map_or_else(|| host.to_owned(), |company| format!("{company} ({host})"));
    let purpose = party.purpose.map(|purpose| format!(", {purpose}")).unwrap_or_default();
    let pages: Vec<&str> = party
        .classes
        .iter()
        .map(|class| match class {
            PageClass::Payment => "payment pages",
            PageClass::SignIn => "sign-in pages",
            PageClass::Account => "account pages",
            PageClass::Other => "other pages",
        })
        .collect();
    let entered = party.could_receive.words().join(", ");
    let learns = match party.flow {
        Flow::AddressOnly => "learns the address of the page and that of the visitor".to_owned(),
        Flow::WhatScriptsSend => "receives what scripts on the page send to it".to_owned(),
        Flow::OwnFrame => "receives what is entered in its own part of the page".to_owned(),
        Flow::FormAccess if entered.is_empty() => "receives what is entered in a form".to_owned(),
        Flow::FormAccess => format!("could receive what is entered there ({entered})"),
    };
    format!("- {who}{purpose}: on {}; {learns}.\n", pages.join(", "))
}
