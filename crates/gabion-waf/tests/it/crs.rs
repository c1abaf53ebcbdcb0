//! The OWASP Core Rule Set as shops run it: blocking, paranoia level 1, two generations.

use std::path::PathBuf;

use gabion_waf::Source;

/// What both engines are told before the rules. Limits are those of the bench.
const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 131072
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^application/(?:[a-z0-9.-]+[+])?json" \
    "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap[+]|/)|text/)xml" \
    "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
"#;

/// A rule set that is installed.
pub(crate) struct Crs {
    /// What the table of its blocks is called.
    pub(crate) name: &'static str,
    /// The folder of its regression cases.
    pub(crate) cases: &'static str,
    setup: PathBuf,
    rules: PathBuf,
}

/// Debian's CRS 3.3.4 and the CRS 4 that `GABION_CRS` names, those of them that are there.
#[expect(clippy::print_stderr, reason = "a test that is not run says so")]
pub(crate) fn installed() -> Vec<Crs> {
    let debian = Crs {
        name: "crs-3.3.4",
        cases: "v3",
        setup: "/etc/modsecurity/crs/crs-setup.conf".into(),
        rules: "/usr/share/modsecurity-crs/rules/*.conf".into(),
    };
    let checkout = std::env::var_os("GABION_CRS").map(PathBuf::from).map(|folder| Crs {
        name: "crs-4",
        cases: "v4",
        setup: folder.join("crs-setup.conf.example"),
        rules: folder.join("rules/*.conf"),
    });
    if !debian.setup.exists() {
        eprintln!("skipped: Debian's modsecurity-crs is not installed");
    }
    if checkout.is_none() {
        eprintln!("skipped: GABION_CRS names no checkout of CRS 4");
    }
    std::iter::once(debian).chain(checkout).filter(|crs| crs.setup.exists()).collect()
}

/// Puts a paranoia level in force, by the names of both generations. For [`Crs::sources`], between set-up and rules.
pub(crate) fn paranoia(level: u8) -> Source {
    let set = format!(
        "SecAction \"id:200002,phase:1,pass,nolog,setvar:tx.paranoia_level={level},\\\n    \
         setvar:tx.blocking_paranoia_level={level}\"\n"
    );
    Source::text("paranoia.conf", set)
}

impl Crs {
    /// Directives of the engine, the set-up, what comes between it and the rules, and the rules.
    pub(crate) fn sources(&self, between: Option<Source>) -> Vec<Source> {
        [Source::text("engine.conf", ENGINE), Source::File(self.setup.clone())]
            .into_iter()
            .chain(between)
            .chain([Source::File(self.rules.clone())])
            .collect()
    }
}
