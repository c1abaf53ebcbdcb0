//! One file in, one verdict out.

use std::sync::OnceLock;

use gabion_crypto::digest::sha256;

use crate::code::check_server_code;
use crate::content::{Look, Role};
use crate::json::{JsonError, JsonFiles, JsonInspection, JsonLimits};
use crate::reason::{Code, Reason, Reasons, shown};
use crate::recognize::recognize;
use crate::{Kind, Picture, Policy, Rules, name};

/// A file as it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'u> {
    /// The declared name, as it came; empty where there is none.
    pub name: &'u [u8],
    /// The declared media type, with or without parameters; empty where there is none.
    pub declared_type: &'u [u8],
    /// All of it.
    pub bytes: &'u [u8],
}

/// Whether a file may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found that the policy forbids.
    Pass {
        /// What the file is.
        kind: Kind,
    },
    /// The file is refused.
    Refuse {
        /// Why: at least one, the first found first.
        reasons: Vec<Reason>,
    },
}

/// What may be shown of a file that was refused. Never its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The declared name, shortened and printable.
    pub name: String,
    /// The declared media type, shortened and printable.
    pub declared_type: String,
    /// What the file is by its content; `None` where it was too large to be looked at.
    pub kind: Option<Kind>,
    /// How long it is.
    pub bytes: usize,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// How large its picture is, where it is one.
    pub picture: Option<Picture>,
    /// Entries of archives and documents that were counted, those inside others included.
    pub entries: usize,
    /// Bytes that were unpacked, or would have been.
    pub unpacked_bytes: usize,
    /// Bytes behind the end that its structure states.
    pub trailing_bytes: usize,
}

/// What an inspection found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Whether the file may pass.
    pub verdict: Verdict,
    /// What it is.
    pub facts: Facts,
}

impl Inspection {
    /// Whether the file may pass.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self.verdict, Verdict::Pass { .. })
    }

    /// Why it may not; empty where it may.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match &self.verdict {
            Verdict::Pass { .. } => &[],
            Verdict::Refuse { reasons } => reasons,
        }
    }
}

/// Looks at files with a set of rules. One serves all threads. By default with [`Rules::builtin`], which are made ready
/// when the first file comes: whoever never sees one has no memory for them.
#[derive(Debug, Default)]
pub struct Inspector {
    rules: OnceLock<Rules>,
}

impl Inspector {
    /// With these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules: OnceLock::from(rules) }
    }

    fn rules(&self) -> &Rules {
        self.rules.get_or_init(Rules::builtin)
    }

    /// Says what a file is and whether it may pass. Takes time and memory in proportion to the file and to
    /// [`Policy::archive`], whatever the file is.
    #[must_use]
    pub fn inspect(&self, upload: &Upload<'_>, policy: &Policy) -> Inspection {
        let mut look = Look::new(policy, self.rules());
        name::check(upload.name, &mut look.reasons);
        let kind = if upload.bytes.len() > policy.bytes_max {
            let sizes = format!("{} bytes, {} are allowed", upload.bytes.len(), policy.bytes_max);
            look.reasons.add(Code::TooLarge, sizes);
            None
        } else {
            Some(look.content(upload.bytes, Role::Upload))
        };
        if let Some(kind) = kind {
            let required = policy.extension_required;
            name::check_agreement(upload.name, upload.declared_type, kind, required, &mut look.reasons);
        }
        let facts = Facts {
            name: shown(upload.name),
            declared_type: shown(upload.declared_type),
            kind,
            bytes: upload.bytes.len(),
            sha256: sha256(upload.bytes),
            picture: look.picture,
            entries: look.budget.entries,
            unpacked_bytes: look.budget.unpacked_bytes,
            trailing_bytes: look.trailing_bytes,
        };
        let reasons = look.reasons.into_list();
        let verdict = match kind {
            Some(kind) if reasons.is_empty() => Verdict::Pass { kind },
            _ => Verdict::Refuse { reasons },
        };
        Inspection { verdict, facts }
    }

    /// Finds files in a JSON body, as base64 in strings, and inspects each under the name and type beside it.
    ///
    /// # Errors
    /// A body that is no JSON, or has more than `limits` allow: then nobody knows what is in it.
    pub fn inspect_json(
        &self,
        body: &[u8],
        policy: &Policy,
        limits: &JsonLimits,
    ) -> Result<Vec<JsonInspection>, JsonError> {
        Ok(JsonFiles::find(body, limits)?.inspect(self, policy))
    }

    /// Inspects bytes of which nobody says that they are a file: as a file where they are of a known kind, else only for
    /// code of servers and for the rules. `None` for bytes of no known kind in which nothing was found.
    #[must_use]
    pub fn inspect_unnamed(&self, declared_type: &[u8], bytes: &[u8], policy: &Policy) -> Option<Inspection> {
        if is_known(bytes) {
            return Some(self.inspect(&Upload { name: b"", declared_type, bytes }, policy));
        }
        self.inspect_code(bytes)
    }

    /// Inspects bytes that are no file that anybody knows, or of which nobody knows what is in them: only for code of
    /// servers and for the rules. `None` where nothing was found.
    #[must_use]
    pub fn inspect_code(&self, bytes: &[u8]) -> Option<Inspection> {
        let mut reasons = Reasons::default();
        check_server_code(bytes, false, &mut reasons);
        for rule in self.rules().matching(bytes) {
            reasons.add(Code::Rule, rule);
        }
        let reasons = reasons.into_list();
        if reasons.is_empty() {
            return None;
        }
        let upload = Upload { name: b"", declared_type: b"", bytes };
        let facts = self.inspect(&upload, &Policy::any_harmless()).facts;
        Some(Inspection { verdict: Verdict::Refuse { reasons }, facts })
    }
}

/// Whether bytes are of a kind that is known by more than being text.
pub(crate) fn is_known(bytes: &[u8]) -> bool {
    !matches!(recognize(bytes), Kind::Unknown | Kind::Text | Kind::Empty)
}
