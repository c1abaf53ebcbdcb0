//! What outlives a transaction, and what rules ask of the world.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gabion_waf::{BlockList, Geo, MemoryCollections, RuleSet, Services};

use crate::harness::{NOW, get, ids, load, send, send_at};

/// No rule.
const NOTHING: [u64; 0] = [];

/// Counts requests, and blocks an address for a minute after the third.
const COUNTING: &str = "SecCollectionTimeout 600\n\
    SecAction \"id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}_%{tx.none}\"\n\
    SecRule IP:block \"@eq 1\" \"id:2,phase:1,deny\"\n\
    SecAction \"id:3,phase:1,pass,nolog,setvar:ip.n=+1,expirevar:ip.n=300\"\n\
    SecRule IP:n \"@ge 3\" \"id:4,phase:1,pass,setvar:ip.block=1,expirevar:'ip.block=60',setvar:!ip.n\"";

fn with_memory(rules: &str) -> RuleSet {
    let collections = Some(Arc::new(MemoryCollections::new(100)) as _);
    load(rules).with_services(Services { collections, ..Services::default() })
}

#[test]
fn counters_persist_and_expire() {
    let rules = with_memory(COUNTING);
    let at = |seconds| ids(&send_at(&rules, get("GET /"), b"", NOW.after(Duration::from_secs(seconds))));
    assert_eq!(at(0), NOTHING);
    assert_eq!(at(1), NOTHING);
    assert_eq!(at(2), [4]);
    assert_eq!(at(3), [2]);
    assert_eq!(at(61), [2]);
    assert_eq!(at(62), NOTHING);
    assert_eq!(at(1000), NOTHING);
}

#[test]
fn without_storage_nothing_persists() {
    let rules = load(COUNTING);
    for _ in 0..5 {
        assert_eq!(ids(&send(&rules, get("GET /"))), NOTHING);
    }
}

#[test]
fn sessions_and_users_have_collections_of_their_own() {
    let rules = with_memory(
        "SecRule REQUEST_URI \"@rx .\" \"id:1,phase:1,pass,nolog,setsid:%{ARGS.s},setuid:%{ARGS.u},setvar:session.n=+1,setvar:user.n=+1\"\n\
         SecRule SESSION:n \"@eq 2\" \"id:2,phase:1,pass\"\n\
         SecRule USER:n \"@eq 2\" \"id:3,phase:1,pass\"\n\
         SecRule SESSIONID \"@streq b\" \"id:4,phase:1,pass\"",
    );
    assert_eq!(ids(&send(&rules, get("GET /?s=a&u=x"))), NOTHING);
    assert_eq!(ids(&send(&rules, get("GET /?s=a&u=y"))), [2]);
    assert_eq!(ids(&send(&rules, get("GET /?s=b&u=y"))), [3, 4]);
}

struct World;

impl Geo for World {
    fn look_up(&self, address: IpAddr) -> Option<HashMap<String, String>> {
        address.is_ipv4().then(|| HashMap::from([("COUNTRY_CODE".to_owned(), "NZ".to_owned())]))
    }
}

impl BlockList for World {
    fn lists(&self, list: &str, address: IpAddr) -> bool {
        list == "bad.example" && address.to_string() == "192.0.2.7"
    }
}

#[test]
fn places_and_block_lists_are_asked() {
    let text = "SecRule REMOTE_ADDR \"@geoLookup\" \"id:1,phase:1,pass,chain\"\n\
                SecRule GEO:COUNTRY_CODE \"@streq NZ\"\n\
                SecRule REMOTE_ADDR \"@rbl bad.example\" \"id:2,phase:1,pass\"\n\
                SecRule REMOTE_ADDR \"@rbl good.example\" \"id:3,phase:1,pass\"";
    let world =
        Services { geo: Some(Arc::new(World)), block_list: Some(Arc::new(World)), ..Services::default() };
    assert_eq!(ids(&send(&load(text).with_services(world), get("GET /"))), [1, 2]);
    assert_eq!(ids(&send(&load(text), get("GET /"))), NOTHING);
}
