//! Why libmodsecurity 3.0.9 decides some requests otherwise. In each of these, the cases of CRS side with us, or say
//! nothing.

use super::decisions::Question;

/// Rules over which the engines may differ, for requests of some kind.
struct Excuse {
    reason: &'static str,
    rules: &'static [u64],
    holds: fn(&Question) -> bool,
}

const EXCUSES: [Excuse; 9] = [
    Excuse {
        reason: "it fills REQUEST_BODY from XML and multipart bodies, too",
        rules: &[920_272, 920_273, 921_110, 944_100, 944_110, 944_120, 944_130, 944_210, 944_240, 944_250],
        holds: |question| has_type(question, "xml") || has_type(question, "multipart"),
    },
    Excuse {
        reason: "it takes ^ and $ for the ends of every line, not of the value",
        rules: &[932_150, 932_340, 932_350, 942_110, 942_200, 942_330, 942_440],
        holds: |question| {
            ["\n", "\\n", "%0a", "%0A"]
                .iter()
                .any(|end| contains(&question.target, end) || contains(&question.body, end))
        },
    },
    Excuse {
        reason: "it logs the first rule of a chain that does not match as a whole",
        rules: &[942_131],
        holds: |_| true,
    },
    Excuse {
        reason: "it keeps the end of the line in MULTIPART_PART_HEADERS",
        rules: &[922_110],
        holds: |question| has_type(question, "multipart"),
    },
    Excuse {
        reason: "it loses line ends in values of multipart forms",
        rules: &[942_460],
        holds: |question| has_type(question, "multipart"),
    },
    Excuse {
        reason: "it decodes REQUEST_URI before rules see it",
        rules: &[920_220, 920_272],
        holds: |question| contains(&question.target, "%25"),
    },
    Excuse {
        reason: "it leaves scheme and host of an absolute target in REQUEST_FILENAME",
        rules: &[931_131, 934_110],
        holds: |question| question.target.starts_with(b"http"),
    },
    Excuse {
        reason: "its search for phrases overlooks one that begins inside another",
        rules: &[930_130],
        holds: |question| contains(&question.target, "secrets.env"),
    },
    Excuse {
        reason: "it sees no REQUEST_BASENAME in a target without a slash",
        rules: &[920_440],
        holds: |question| question.method == b"CONNECT",
    },
];

/// Why the engines may differ over a rule.
pub(super) fn reason(question: &Question, rule: u64) -> Option<&'static str> {
    let found = EXCUSES.iter().find(|excuse| excuse.rules.contains(&rule) && (excuse.holds)(question));
    found.map(|excuse| excuse.reason)
}

fn has_type(question: &Question, part: &str) -> bool {
    let is_type = |name: &[u8]| name.eq_ignore_ascii_case(b"content-type");
    question.headers.iter().any(|(name, value)| is_type(name) && contains(&value.to_ascii_lowercase(), part))
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}
