//! The WAF as customers, attackers and operators meet it.

mod answers;
mod audit;
mod bodies;
#[allow(clippy::print_stderr, reason = "whoever runs the tests should see what was not run")]
mod conformance;
mod machines;
mod modes;
mod purchases;
mod requests;

use std::sync::Arc;

use gabion_core::{Clock, SystemClock};
use gabion_edge::waf::ProvenRules;
use gabion_test::{Shop, body};
use gabion_waf::{Disk, RuleSet, Services, Source};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::front::{Front, Setup};

/// Rules that work as CRS does: each match is worth five points, and a rule at the end compares.
const RULES: &str = r#"
SecRequestBodyAccess On
SecRequestBodyLimit 1048576
SecRequestBodyNoFilesLimit 1048576
SecRequestBodyLimitAction ProcessPartial
SecRequestBodyJsonDepthLimit 64
SecResponseBodyLimit 65536
SecResponseBodyMimeType text/html text/plain
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "^text/xml" "id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQBODY_ERROR "!@eq 0" "id:3,phase:2,deny,status:400,log,msg:'Unreadable body'"
SecAction "id:4,phase:1,pass,nolog,setvar:tx.inbound_anomaly_score_threshold=5"
SecRule REQUEST_HEADERS:User-Agent "@contains nikto" "id:5,phase:1,deny,log,msg:'Scanner',severity:CRITICAL"
SecRule REQUEST_METHOD "@streq CONNECT" "id:6,phase:1,deny,log,msg:'A method that shops have no use for'"
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|XML:/* "@detectSQLi" "id:10,phase:2,pass,log,capture,msg:'SQL injection',logdata:'%{MATCHED_VAR}',severity:CRITICAL,setvar:tx.blocking_inbound_anomaly_score=+5"
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|XML:/* "@rx (?i)union.{1,20}select" "id:11,phase:2,pass,log,msg:'UNION SELECT',logdata:'%{MATCHED_VAR}',severity:CRITICAL,setvar:tx.blocking_inbound_anomaly_score=+10"
SecRule ARGS|ARGS_NAMES "@detectXSS" "id:12,phase:2,pass,log,msg:'Script',severity:CRITICAL,setvar:tx.blocking_inbound_anomaly_score=+5"
SecRule TX:blocking_inbound_anomaly_score "@ge 5" "id:90,phase:2,deny,log,msg:'Too many points'"
SecRule RESPONSE_BODY "@contains SQLSTATE[" "id:91,phase:4,deny,log,msg:'Error of a database'"
"#;

/// Rules of these tests, and more.
fn rules_with(more: &str, services: Services) -> Arc<ProvenRules> {
    let sources = [Source::text("rules.conf", RULES), Source::text("more.conf", more)];
    let rules = RuleSet::load(&sources, &Disk).unwrap();
    Arc::new(ProvenRules::prove(rules, vec!["rules.conf".into()], services, SystemClock.now()).unwrap())
}

pub(crate) fn rules() -> Arc<ProvenRules> {
    rules_with("", Services::default())
}

/// An edge with these rules.
fn front(mode: &str, shop: &Shop) -> Front {
    Setup::of(&[shop]).waf(&format!("mode = \"{mode}\""), &rules()).start()
}

/// A shop that answers with what it got.
async fn echo() -> Shop {
    Shop::start(|request: Request<Incoming>| async move {
        match request.into_body().collect().await {
            Ok(body) => Ok(Response::new(body::whole(body.to_bytes()))),
            Err(_) => Err(body::Broken),
        }
    })
    .await
}

/// A POST of an HTTPS customer.
fn post(kind: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "POST /buy HTTP/1.1\r\nHost: shop.example\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

const FORM: &str = "application/x-www-form-urlencoded";
const INJECTION: &str = "1' UNION SELECT login, password FROM users-- -";
/// The same as a value of a form or a query.
const ESCAPED: &str = "1%27%20UNION%20SELECT%20login%2C%20password%20FROM%20users--%20-";
