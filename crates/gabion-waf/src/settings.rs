//! What directives other than rules say: how the engine works.

mod choice;
mod foreign;

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Fault;
use crate::operator::pattern::Pattern;
use crate::seclang::action::number;
use crate::transformation::UnicodeMap;
pub(crate) use choice::BodyProcessor;
pub use choice::{AuditEngine, AuditParts, Engine, OverLimit};
use foreign::{REFUSED, WITHOUT_EFFECT};

/// How the engine works, as the rule files say.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether rules run and decide.
    pub engine: Engine,
    /// Whether bodies of requests are inspected.
    pub request_body_access: bool,
    /// Bytes of a request's body that are inspected.
    pub request_body_bytes_max: usize,
    /// Bytes of a request's body without its files.
    pub request_body_no_files_bytes_max: usize,
    /// What happens above the two.
    pub request_body_over_limit: OverLimit,
    /// Levels of nesting in JSON.
    pub json_depth_max: usize,
    /// Arguments of one request.
    pub arguments_max: usize,
    /// Files of one request.
    pub upload_files_max: usize,
    /// Whether bodies of responses are inspected.
    pub response_body_access: bool,
    /// Bytes of a response's body that are inspected.
    pub response_body_bytes_max: usize,
    /// What happens above that.
    pub response_body_over_limit: OverLimit,
    /// Media types of responses whose bodies are inspected, lower case; `*/*` stands for all, the empty text for
    /// responses without one.
    pub response_body_types: Vec<String>,
    /// Which transactions have an audit record.
    pub audit_engine: AuditEngine,
    /// Which parts it has.
    pub audit_parts: AuditParts,
    /// Statuses that make a transaction relevant.
    pub(crate) audit_status: Option<Pattern>,
    /// What divides arguments.
    pub argument_separator: u8,
    /// Whether cookies follow RFC 2109 (version 1) instead of Netscape's format.
    pub cookies_version_1: bool,
    /// Names the application in persistent collections and logs.
    pub web_app_id: String,
    /// Seconds after which an untouched persistent collection ends.
    pub collection_seconds: u64,
    /// How `urlDecodeUni` reads `%uHHHH`.
    pub(crate) unicode_map: Option<Arc<UnicodeMap>>,
    /// Versions of rule sets, for the audit log.
    pub components: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine: Engine::On,
            request_body_access: false,
            request_body_bytes_max: 128 * 1024,
            request_body_no_files_bytes_max: 128 * 1024,
            request_body_over_limit: OverLimit::Reject,
            json_depth_max: 512,
            arguments_max: 1000,
            upload_files_max: 100,
            response_body_access: false,
            response_body_bytes_max: 512 * 1024,
            response_body_over_limit: OverLimit::ProcessPartial,
            response_body_types: ["text/plain", "text/html", "text/xml"].map(str::to_owned).to_vec(),
            audit_engine: AuditEngine::Off,
            audit_parts: AuditParts::default(),
            audit_status: None,
            argument_separator: b'&',
            cookies_version_1: false,
            web_app_id: "default".to_owned(),
            collection_seconds: 3600,
            unicode_map: None,
            components: Vec::new(),
        }
    }
}

/// What a directive did.
pub(crate) enum Applied {
    Yes,
    /// It is none of the settings.
    NotASetting,
    /// It names a Unicode map to read, and the code page in it.
    UnicodeMap {
        file: PathBuf,
        page: u32,
    },
}

impl Settings {
    /// Applies a directive.
    pub(crate) fn apply(&mut self, name: &str, words: &[Vec<u8>]) -> Result<Applied, Fault> {
        let texts: Vec<String> =
            words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let one = || match texts.as_slice() {
            [one] => Ok(one.as_str()),
            _ => Err(Fault::Syntax("the directive takes one value")),
        };
        match name.to_ascii_lowercase().as_str() {
            "secruleengine" => self.engine = Engine::parse(one()?)?,
            "secrequestbodyaccess" => self.request_body_access = on_off(one()?)?,
            "secrequestbodylimit" => self.request_body_bytes_max = number(one()?)?,
            "secrequestbodynofileslimit" => self.request_body_no_files_bytes_max = number(one()?)?,
            "secrequestbodylimitaction" => self.request_body_over_limit = OverLimit::parse(one()?)?,
            "secrequestbodyjsondepthlimit" => self.json_depth_max = number(one()?)?,
            "secargumentslimit" => self.arguments_max = number(one()?)?,
            "secuploadfilelimit" => self.upload_files_max = number(one()?)?,
            "secresponsebodyaccess" => self.response_body_access = on_off(one()?)?,
            "secresponsebodylimit" => self.response_body_bytes_max = number(one()?)?,
            "secresponsebodylimitaction" => self.response_body_over_limit = OverLimit::parse(one()?)?,
            "secresponsebodymimetype" => self.response_body_types = media_types(&texts)?,
            "secresponsebodymimetypesclear" => self.response_body_types.clear(),
            "secauditengine" => self.audit_engine = AuditEngine::parse(one()?)?,
            "secauditlogparts" => self.audit_parts = AuditParts::parse(one()?)?,
            "secauditlogrelevantstatus" => self.audit_status = Some(Pattern::compile(one()?.as_bytes())?),
            "secargumentseparator" => match one()?.as_bytes() {
                [separator] => self.argument_separator = *separator,
                _ => return Err(Fault::value(one()?, "one byte")),
            },
            "seccookieformat" => {
                self.cookies_version_1 = match one()? {
                    "0" => false,
                    "1" => true,
                    other => return Err(Fault::value(other, "0 or 1")),
                }
            }
            "secwebappid" => one()?.clone_into(&mut self.web_app_id),
            "seccollectiontimeout" => self.collection_seconds = number(one()?)?,
            "seccomponentsignature" => self.components.push(one()?.to_owned()),
            "secunicodemap" | "secunicodemapfile" => match texts.as_slice() {
                [file, page] => return Ok(Applied::UnicodeMap { file: file.into(), page: number(page)? }),
                [file] => return Ok(Applied::UnicodeMap { file: file.into(), page: 20127 }),
                _ => return Err(Fault::Syntax("the directive takes a file and a code page")),
            },
            _ if WITHOUT_EFFECT.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) => {}
            _ => {
                return match REFUSED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                    Some((_, why)) => Err(Fault::refused(name, why)),
                    None => Ok(Applied::NotASetting),
                };
            }
        }
        Ok(Applied::Yes)
    }
}

pub(crate) fn on_off(text: &str) -> Result<bool, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Fault::value(text, "On or Off")),
    }
}

fn media_types(texts: &[String]) -> Result<Vec<String>, Fault> {
    let named = |text: &String| if text == "(null)" { String::new() } else { text.to_ascii_lowercase() };
    if texts.is_empty() {
        return Err(Fault::Syntax("the directive takes media types"));
    }
    Ok(texts.iter().map(named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(settings: &mut Settings, line: &str) -> Result<(), String> {
        let mut words = line.split(' ').map(|word| word.as_bytes().to_vec());
        let name = String::from_utf8(words.next().expect("a name")).expect("text");
        let words: Vec<_> = words.collect();
        settings.apply(&name, &words).map(drop).map_err(|fault| fault.to_string())
    }

    #[test]
    fn settings_follow_their_directives() {
        let mut settings = Settings::default();
        for line in [
            "SecRuleEngine DetectionOnly",
            "secrequestbodyaccess On",
            "SecRequestBodyLimit 99",
            "SecResponseBodyMimeType text/plain (null)",
            "SecAuditLogRelevantStatus ^(?:5|4(?!04))",
            "SecAuditLogParts ABHZ",
            "SecPcreMatchLimit 1000",
        ] {
            apply(&mut settings, line).expect(line);
        }
        assert_eq!(settings.engine, Engine::DetectionOnly);
        assert!(settings.request_body_access);
        assert_eq!(settings.request_body_bytes_max, 99);
        assert_eq!(settings.response_body_types, ["text/plain", ""]);
        assert!(settings.audit_parts.has(b'H') && !settings.audit_parts.has(b'C'));
    }

    #[test]
    fn mistakes_are_refused() {
        for (line, message) in [
            ("SecRuleEngine Perhaps", "\"Perhaps\" is not On, Off or DetectionOnly"),
            ("SecRequestBodyAccess", "the directive takes one value"),
            ("SecRequestBodyLimit many", "\"many\" is not a number in range"),
            ("SecHashEngine On", "SecHashEngine is not supported: responses are not rewritten"),
            ("SecAuditLogParts ABX", "\"ABX\" is not letters of audit parts: A to K, Z"),
        ] {
            assert_eq!(apply(&mut Settings::default(), line), Err(message.to_owned()));
        }
    }
}
