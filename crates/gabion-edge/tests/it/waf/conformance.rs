//! The regression cases of the OWASP Core Rule Set through a real socket: sent byte for byte as go-ftw would, to an edge
//! that detects, with a backend behind it that answers what it is asked to. What the rules logged is read from the access
//! log.
//!
//! The cases are data beside the repository (`GABION_SHARED`, or `../shared`), the rules come from Debian's package
//! `modsecurity-crs` and from a checkout that `GABION_CRS` names. What is not there is not run, and the test says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use gabion_core::{Clock, SystemClock};
use gabion_edge::Plane;
use gabion_edge::origin::Origin;
use gabion_edge::waf::ProvenRules;
use gabion_test::client::Wire;
use gabion_test::{Shop, body};
use gabion_waf::ftw::{Case, Input, Observed, Overrides, Summary, cases, run_by, sources};
use gabion_waf::{Disk, RuleSet, Services, Source};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use crate::front::{Front, Setup};

/// How long an answer may take: longer than the edge waits for a body that does not come.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The backend of the cases: 200 with nothing, or what a POST to `/reflect` asks for. Source: albedo.
async fn backend() -> Shop {
    Shop::start(|request: Request<Incoming>| async move {
        let reflects = request.method() == "POST" && request.uri().path().starts_with("/reflect");
        let Ok(asked) = request.into_body().collect().await else { return Err(body::Broken) };
        if !reflects {
            return Ok(Response::new(body::empty()));
        }
        Ok(reflect(&asked.to_bytes())
            .unwrap_or_else(|| Response::builder().status(400).body(body::empty()).unwrap()))
    })
    .await
}

fn reflect(asked: &[u8]) -> Option<Response<body::TestBody>> {
    let wish: Value = serde_json::from_slice(asked).ok()?;
    let mut response =
        Response::builder().status(wish["status"].as_u64().map_or(Some(200), |n| u16::try_from(n).ok())?);
    let headers = wish["headers"].as_object().cloned().unwrap_or_default();
    if !headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        response = response.header("content-type", "text/plain; charset=utf-8");
    }
    for (name, value) in &headers {
        response = response.header(name, value.as_str()?);
    }
    let encoded = wish["encodedBody"].as_str().filter(|text| !text.is_empty());
    let content = match encoded {
        Some(text) => BASE64.decode(text.as_bytes()).ok()?,
        None => wish["body"].as_str().unwrap_or_default().as_bytes().to_vec(),
    };
    response.body(body::whole(content)).ok()
}

/// Rules with what the cases expect of the engine around them. That they only detect is the edge's to say.
fn rules(crs: &[PathBuf]) -> Arc<ProvenRules> {
    let sources: Vec<_> = sources(crs)
        .into_iter()
        .map(|source| match source {
            Source::Text { name, text } => {
                let text = String::from_utf8(text).unwrap().replace("ctl:ruleEngine=DetectionOnly,", "");
                Source::text(name, text)
            }
            file => file,
        })
        .collect();
    let rules = RuleSet::load(&sources, &Disk).unwrap();
    Arc::new(ProvenRules::prove(rules, vec!["CRS".into()], Services::default(), SystemClock.now()).unwrap())
}

/// An edge that is the shop of every host that the cases ask for.
fn start(shop: &Shop, rules: &Arc<ProvenRules>, cases: &[Case], log: &Path) -> Front {
    let inputs = cases.iter().flat_map(|case| &case.stages).map(|stage| &stage.input);
    let hosts = inputs.flat_map(|input| &input.headers).filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let origins: BTreeSet<_> = hosts
        .map(|(_, host)| {
            let port = host.rfind(':').filter(|at| !host[*at..].contains(']'));
            host[..port.unwrap_or(host.len())].to_ascii_lowercase()
        })
        .chain(["localhost".to_owned()])
        .map(|host| format!("http://{host}"))
        .filter(|origin| origin.parse::<Origin>().is_ok())
        .collect();
    let origins = Vec::from_iter(origins);
    Setup::of(&[shop])
        .limits("body_idle_seconds = 1\nhead_timeout_seconds = 1")
        .waf("mode = \"detect\"\nresponses = true", rules)
        .route("encoded_bodies = \"pass\"")
        .more(&format!("[[site]]\nname = \"Cases\"\norigins = {origins:?}\n[access_log]\npath = {log:?}"))
        .start()
}

/// What the client saw of one request.
#[derive(Default)]
struct Seen {
    id: String,
    status: u16,
    response: Vec<u8>,
}

async fn send(front: &Front, input: &Input) -> Seen {
    let mut wire = Wire::plain(front.address(Plane::Http)).await;
    // A server that refuses early may close before all is sent; its answer is there all the same.
    let bytes = input.to_bytes();
    let _ = wire.try_send(&bytes).await;
    if bytes.starts_with(b"HEAD ") {
        let head = tokio::time::timeout(ANSWER_TIMEOUT, wire.head()).await.unwrap().unwrap();
        return Seen {
            id: head.header("x-request-id").to_owned(),
            status: head.status,
            response: Vec::new(),
        };
    }
    match tokio::time::timeout(ANSWER_TIMEOUT, wire.response()).await {
        Ok(Ok(answer)) => Seen {
            id: answer.header("x-request-id").to_owned(),
            status: answer.status,
            response: answer.body,
        },
        Ok(Err(_)) | Err(_) => Seen::default(),
    }
}

/// What stands in the access log of each request: whether Gabion refused it, and the rules that logged.
fn read(log: &Path) -> HashMap<String, (bool, Vec<u64>)> {
    let text = std::fs::read_to_string(log).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|line| {
            let rules = line["waf_rules"].as_str().unwrap_or_default().split(' ');
            let ids = rules.filter_map(|id| id.parse().ok()).collect();
            (line["request_id"].as_str().unwrap().to_owned(), (line["refused"].is_string(), ids))
        })
        .collect()
}

/// Runs all cases of a generation, or says why not.
fn conform(generation: &str, crs: &[PathBuf], overrides: [&str; 2]) -> Option<Summary> {
    let shared = std::env::var_os("GABION_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("crs").join(generation);
    let missing = std::iter::once(folder.as_path()).chain(crs.iter().filter_map(|path| path.parent()));
    if let Some(missing) = missing.into_iter().find(|path| !path.exists()) {
        eprintln!("skipped: the cases of CRS {generation} need {}", missing.display());
        return None;
    }
    let cases: Vec<Case> = cases(&folder).unwrap().into_iter().filter(|case| !case.disabled).collect();
    let rules = rules(crs);
    let log = tempfile::tempdir().unwrap();
    let path = log.path().join("access.log");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let inputs: Vec<_> = cases.iter().flat_map(|case| &case.stages).map(|stage| &stage.input).collect();
    let seen: Vec<_> = runtime.block_on(async {
        let shop = backend().await;
        let front = start(&shop, &rules, &cases, &path);
        let mut seen = Vec::new();
        for input in inputs {
            seen.push(send(&front, input).await);
        }
        front.edge.stop_and_drain().await;
        seen
    });
    let logged = read(&path);
    let mut seen = seen.into_iter();
    let [ours, engine] = overrides.map(|text| Overrides::read(Path::new("overrides.yaml"), text).unwrap());
    let listed: Vec<String> = ours.ids().map(str::to_owned).collect();
    let overrides = ours.or(engine);
    let summary = run_by(&cases, &overrides, |_| {
        let Seen { id, status, response } = seen.next().unwrap();
        let (refused, logged) = logged.get(&id).cloned().unwrap_or((true, Vec::new()));
        let lines = logged.iter().map(|id| format!("[id \"{id}\"]")).collect();
        Observed { status, refused, response, logged, lines }
    });
    report(generation, &summary);
    let needed: BTreeSet<_> = summary.overridden.iter().map(|(id, _)| id).collect();
    let idle: Vec<_> = listed.iter().filter(|id| !needed.contains(id)).collect();
    assert!(idle.is_empty(), "overrides that no case needs: {idle:?}");
    Some(summary)
}

fn report(generation: &str, summary: &Summary) {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, reason) in &summary.overridden {
        reasons.entry(reason).or_default().push(id);
    }
    for (reason, ids) in reasons {
        eprintln!("as overridden: {}: {reason}", ids.join(" "));
    }
    for failure in &summary.failed {
        eprintln!("{}: {}; logged {:?}", failure.id, failure.why.join(", "), failure.logged);
    }
    let (passed, overridden) = (summary.passed, summary.overridden.len());
    eprintln!(
        "CRS {generation} through a socket: {passed} passed, {} failed, 0 skipped; {overridden} went as their overrides say",
        summary.failed.len()
    );
}

/// None fails, and 99 of 100 go as expected without an override.
fn check(summary: &Summary) {
    let all = summary.passed + summary.overridden.len() + summary.failed.len();
    assert!(all > 2_000 && summary.failed.is_empty(), "{} cases failed", summary.failed.len());
    assert!(summary.passed * 100 >= all * 99, "{} of {all} pass", summary.passed);
}

#[test]
fn crs_3_of_debian_passes_through_a_socket() {
    let crs = ["/etc/modsecurity/crs/crs-setup.conf", "/usr/share/modsecurity-crs/rules/*.conf"];
    let crs = crs.map(PathBuf::from);
    let Some(summary) = conform(
        "v3",
        &crs,
        [
            include_str!("overrides-v3.yaml"),
            include_str!("../../../../gabion-waf/tests/it/overrides-v3.yaml"),
        ],
    ) else {
        return;
    };
    check(&summary);
}

#[test]
fn crs_4_passes_through_a_socket() {
    let Some(crs) = std::env::var_os("GABION_CRS").map(PathBuf::from) else {
        eprintln!("skipped: GABION_CRS names no checkout of CRS 4");
        return;
    };
    let crs = [crs.join("crs-setup.conf.example"), crs.join("rules/*.conf")];
    let Some(summary) = conform(
        "v4",
        &crs,
        [
            include_str!("overrides-v4.yaml"),
            include_str!("../../../../gabion-waf/tests/it/overrides-v4.yaml"),
        ],
    ) else {
        return;
    };
    check(&summary);
}
