//! Bodies of requests, as rules see them.

use super::{State, Transaction};
use crate::body::{json, multipart, xml};
use crate::outcome::Partial;
use crate::settings::BodyProcessor;
use crate::variable::Variable;

impl Transaction {
    pub(super) fn read_request_body(&mut self, body: &[u8]) {
        self.state.set_number(Variable::RequestBodyLength, body.len());
        if self.program.reads(Variable::FullRequest) {
            let whole = [self.state.text(Variable::FullRequest), body].concat();
            self.state.set(Variable::FullRequest, &whole);
            self.state.set_number(Variable::FullRequestLength, whole.len());
        }
        let without_files = self.program.settings.request_body_no_files_bytes_max;
        match self.state.processor {
            Some(BodyProcessor::Multipart) => self.read_multipart(body),
            processor => {
                let body = self.within(body, without_files, crate::seclang::action::Phase::RequestBody);
                match processor {
                    Some(BodyProcessor::Urlencoded) => {
                        self.state.set(Variable::RequestBody, body);
                        self.read_arguments(Variable::ArgsPost, body);
                    }
                    Some(BodyProcessor::Json) => {
                        self.state.set(Variable::RequestBody, body);
                        self.read_json(body);
                    }
                    Some(BodyProcessor::Xml) => self.read_xml(body),
                    Some(BodyProcessor::Raw) => self.state.set(Variable::RequestBody, body),
                    Some(BodyProcessor::Multipart) | None => {}
                }
            }
        }
        if self.state.force_request_body {
            self.state.set(Variable::RequestBody, body);
        }
    }

    fn read_json(&mut self, body: &[u8]) {
        let settings = &self.program.settings;
        let limits = json::Limits {
            depth_max: settings.json_depth_max,
            arguments_max: settings.arguments_max.saturating_sub(self.state.arguments),
            ..json::Limits::default()
        };
        let outcome = json::parse(body, &limits, &mut |name, value| {
            self.state.add_argument(Variable::ArgsPost, name, value);
        });
        self.state.set_number(Variable::ArgsCombinedSize, self.state.arguments_bytes);
        self.ended(outcome.error.map(|error| format!("JSON parsing error: {error}")), outcome.partial);
    }

    fn read_xml(&mut self, body: &[u8]) {
        let document = xml::parse(body, &xml::Limits::default());
        self.state.add(Variable::XmlText, b"", &document.text);
        for attribute in &document.attributes {
            self.state.add(Variable::XmlAttributes, b"", attribute);
        }
        self.ended(document.error.map(|error| format!("XML parsing error: {error}")), document.partial);
    }

    fn read_multipart(&mut self, body: &[u8]) {
        let content_type = self.state.header(b"content-type").to_vec();
        let settings = &self.program.settings;
        let without_files = settings.request_body_no_files_bytes_max;
        let limits = multipart::Limits {
            parts_max: settings.arguments_max,
            files_max: settings.upload_files_max,
            ..multipart::Limits::default()
        };
        let form = multipart::parse(&content_type, body, &limits);
        let keeps_content = self.program.reads(Variable::FilesTmpContent);
        let mut file_bytes = 0;
        let mut other_bytes = 0;
        for part in &form.parts {
            let content = &body[part.content.clone()];
            for header in &part.headers {
                self.state.add(Variable::MultipartPartHeaders, &part.name, header);
            }
            self.state.add(Variable::MultipartName, &part.name, &part.name);
            let Some(file) = &part.filename else {
                other_bytes += content.len();
                self.state.add_argument(Variable::ArgsPost, &part.name, content);
                continue;
            };
            file_bytes += content.len();
            let size = content.len().to_string();
            self.state.add(Variable::Files, &part.name, file);
            self.state.add(Variable::FilesNames, &part.name, &part.name);
            self.state.add(Variable::FilesSizes, &part.name, size.as_bytes());
            self.state.add(Variable::MultipartFilename, &part.name, file);
            if keeps_content {
                self.state.add(Variable::FilesTmpContent, &part.name, content);
            }
        }
        if other_bytes > without_files {
            // What is above the limit was read all the same; whether the transaction stops is for the settings.
            let _ = self.within(body, without_files, crate::seclang::action::Phase::RequestBody);
        }
        self.state.set_number(Variable::FilesCombinedSize, file_bytes);
        self.state.set_number(Variable::ArgsCombinedSize, self.state.arguments_bytes);
        self.set_multipart_flags(&form);
        self.ended(form.error.map(|error| format!("Multipart parsing error: {error}")), form.partial);
    }

    fn set_multipart_flags(&mut self, form: &multipart::Multipart<'_>) {
        let flags = &form.flags;
        for (variable, set) in [
            (Variable::MultipartBoundaryQuoted, flags.boundary_quoted),
            (Variable::MultipartBoundaryWhitespace, flags.boundary_whitespace),
            (Variable::MultipartDataBefore, flags.data_before),
            (Variable::MultipartDataAfter, flags.data_after),
            (Variable::MultipartHeaderFolding, flags.header_folding),
            (Variable::MultipartLfLine, flags.lf_line),
            (Variable::MultipartCrlfLfLines, flags.crlf_lf_lines()),
            (Variable::MultipartMissingSemicolon, flags.missing_semicolon),
            (Variable::MultipartInvalidQuoting, flags.invalid_quoting),
            (Variable::MultipartInvalidPart, flags.invalid_part),
            (Variable::MultipartInvalidHeaderFolding, flags.invalid_header_folding),
            (Variable::MultipartFileLimitExceeded, flags.file_limit_exceeded),
            (Variable::MultipartStrictError, form.strict_error()),
        ] {
            self.state.set_number(variable, usize::from(set));
        }
        self.state.set_number(Variable::MultipartUnmatchedBoundary, usize::from(flags.unmatched_boundary));
    }

    /// Tells how the reading of a body ended.
    fn ended(&mut self, error: Option<String>, partial: bool) {
        if partial {
            self.state.note(Partial::BodyStructure);
        }
        let limit = || "a limit of the reader was reached".to_owned();
        let Some(message) = error.or_else(|| partial.then(limit)) else { return };
        for (flag, text) in [
            (Variable::ReqbodyError, Variable::ReqbodyErrorMsg),
            (Variable::ReqbodyProcessorError, Variable::ReqbodyProcessorErrorMsg),
        ] {
            self.state.set(flag, b"1");
            self.state.set(text, message.as_bytes());
        }
    }
}

impl State {
    pub(super) fn use_processor(&mut self, processor: BodyProcessor) {
        self.processor = Some(processor);
        self.set(Variable::ReqbodyProcessor, processor.name().as_bytes());
    }

    pub(super) fn add_argument(&mut self, collection: Variable, name: &[u8], value: &[u8]) {
        self.arguments += 1;
        self.arguments_bytes += name.len() + value.len();
        self.add(collection, name, value);
    }

    /// The last header of the request with that name, empty without one.
    fn header(&self, name: &[u8]) -> &[u8] {
        let headers = &self.collections[Variable::RequestHeaders as usize];
        let found = headers.iter().rfind(|entry| self.values.get(entry.name).eq_ignore_ascii_case(name));
        found.map_or(b"", |entry| self.values.get(entry.value))
    }
}
