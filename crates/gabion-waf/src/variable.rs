//! The variables of the language.

/// How a variable is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One value, or none.
    Scalar,
    /// Names with values.
    Collection,
    /// The names of a collection.
    Names(Variable),
    /// Two collections, one after the other.
    Union(Variable, Variable),
    /// Names with values that outlive the transaction.
    Persistent,
}

macro_rules! variables {
    ($($name:ident $text:literal $shape:expr;)*) => {
        /// A variable of the language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Variable { $($name),* }

        impl Variable {
            /// All of them, in the order of their discriminants.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in rules and logs.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            pub(crate) const fn shape(self) -> Shape {
                match self { $(Self::$name => $shape),* }
            }
        }
    };
}

use Shape::{Collection, Names, Persistent, Scalar, Union};

variables! {
    Args "ARGS" Union(Variable::ArgsGet, Variable::ArgsPost);
    ArgsCombinedSize "ARGS_COMBINED_SIZE" Scalar;
    ArgsGet "ARGS_GET" Collection;
    ArgsGetNames "ARGS_GET_NAMES" Names(Variable::ArgsGet);
    ArgsNames "ARGS_NAMES" Names(Variable::Args);
    ArgsPath "ARGS_PATH" Collection;
    ArgsPost "ARGS_POST" Collection;
    ArgsPostNames "ARGS_POST_NAMES" Names(Variable::ArgsPost);
    AuthType "AUTH_TYPE" Scalar;
    Duration "DURATION" Scalar;
    Env "ENV" Collection;
    Files "FILES" Collection;
    FilesCombinedSize "FILES_COMBINED_SIZE" Scalar;
    FilesNames "FILES_NAMES" Collection;
    FilesSizes "FILES_SIZES" Collection;
    FilesTmpContent "FILES_TMP_CONTENT" Collection;
    FilesTmpNames "FILES_TMPNAMES" Collection;
    FullRequest "FULL_REQUEST" Scalar;
    FullRequestLength "FULL_REQUEST_LENGTH" Scalar;
    Geo "GEO" Collection;
    Global "GLOBAL" Persistent;
    HighestSeverity "HIGHEST_SEVERITY" Scalar;
    InboundDataError "INBOUND_DATA_ERROR" Scalar;
    Ip "IP" Persistent;
    MatchedVar "MATCHED_VAR" Scalar;
    MatchedVarName "MATCHED_VAR_NAME" Scalar;
    MatchedVars "MATCHED_VARS" Collection;
    MatchedVarsNames "MATCHED_VARS_NAMES" Names(Variable::MatchedVars);
    ModsecBuild "MODSEC_BUILD" Scalar;
    PcreError "MSC_PCRE_ERROR" Scalar;
    PcreLimitsExceeded "MSC_PCRE_LIMITS_EXCEEDED" Scalar;
    MultipartBoundaryQuoted "MULTIPART_BOUNDARY_QUOTED" Scalar;
    MultipartBoundaryWhitespace "MULTIPART_BOUNDARY_WHITESPACE" Scalar;
    MultipartCrlfLfLines "MULTIPART_CRLF_LF_LINES" Scalar;
    MultipartDataAfter "MULTIPART_DATA_AFTER" Scalar;
    MultipartDataBefore "MULTIPART_DATA_BEFORE" Scalar;
    MultipartFileLimitExceeded "MULTIPART_FILE_LIMIT_EXCEEDED" Scalar;
    MultipartFilename "MULTIPART_FILENAME" Collection;
    MultipartHeaderFolding "MULTIPART_HEADER_FOLDING" Scalar;
    MultipartInvalidHeaderFolding "MULTIPART_INVALID_HEADER_FOLDING" Scalar;
    MultipartInvalidPart "MULTIPART_INVALID_PART" Scalar;
    MultipartInvalidQuoting "MULTIPART_INVALID_QUOTING" Scalar;
    MultipartLfLine "MULTIPART_LF_LINE" Scalar;
    MultipartMissingSemicolon "MULTIPART_MISSING_SEMICOLON" Scalar;
    MultipartName "MULTIPART_NAME" Collection;
    MultipartPartHeaders "MULTIPART_PART_HEADERS" Collection;
    MultipartStrictError "MULTIPART_STRICT_ERROR" Scalar;
    MultipartUnmatchedBoundary "MULTIPART_UNMATCHED_BOUNDARY" Scalar;
    OutboundDataError "OUTBOUND_DATA_ERROR" Scalar;
    PathInfo "PATH_INFO" Scalar;
    QueryString "QUERY_STRING" Scalar;
    RemoteAddr "REMOTE_ADDR" Scalar;
    RemoteHost "REMOTE_HOST" Scalar;
    RemotePort "REMOTE_PORT" Scalar;
    RemoteUser "REMOTE_USER" Scalar;
    ReqbodyError "REQBODY_ERROR" Scalar;
    ReqbodyErrorMsg "REQBODY_ERROR_MSG" Scalar;
    ReqbodyProcessor "REQBODY_PROCESSOR" Scalar;
    ReqbodyProcessorError "REQBODY_PROCESSOR_ERROR" Scalar;
    ReqbodyProcessorErrorMsg "REQBODY_PROCESSOR_ERROR_MSG" Scalar;
    RequestBasename "REQUEST_BASENAME" Scalar;
    RequestBody "REQUEST_BODY" Scalar;
    RequestBodyLength "REQUEST_BODY_LENGTH" Scalar;
    RequestCookies "REQUEST_COOKIES" Collection;
    RequestCookiesNames "REQUEST_COOKIES_NAMES" Names(Variable::RequestCookies);
    RequestFilename "REQUEST_FILENAME" Scalar;
    RequestHeaders "REQUEST_HEADERS" Collection;
    RequestHeadersNames "REQUEST_HEADERS_NAMES" Names(Variable::RequestHeaders);
    RequestLine "REQUEST_LINE" Scalar;
    RequestMethod "REQUEST_METHOD" Scalar;
    RequestProtocol "REQUEST_PROTOCOL" Scalar;
    RequestUri "REQUEST_URI" Scalar;
    RequestUriRaw "REQUEST_URI_RAW" Scalar;
    Resource "RESOURCE" Persistent;
    ResponseBody "RESPONSE_BODY" Scalar;
    ResponseContentLength "RESPONSE_CONTENT_LENGTH" Scalar;
    ResponseContentType "RESPONSE_CONTENT_TYPE" Scalar;
    ResponseHeaders "RESPONSE_HEADERS" Collection;
    ResponseHeadersNames "RESPONSE_HEADERS_NAMES" Names(Variable::ResponseHeaders);
    ResponseProtocol "RESPONSE_PROTOCOL" Scalar;
    ResponseStatus "RESPONSE_STATUS" Scalar;
    Rule "RULE" Collection;
    ServerAddr "SERVER_ADDR" Scalar;
    ServerName "SERVER_NAME" Scalar;
    ServerPort "SERVER_PORT" Scalar;
    Session "SESSION" Persistent;
    SessionId "SESSIONID" Scalar;
    StatusLine "STATUS_LINE" Scalar;
    Time "TIME" Scalar;
    TimeDay "TIME_DAY" Scalar;
    TimeEpoch "TIME_EPOCH" Scalar;
    TimeHour "TIME_HOUR" Scalar;
    TimeMin "TIME_MIN" Scalar;
    TimeMon "TIME_MON" Scalar;
    TimeSec "TIME_SEC" Scalar;
    TimeWday "TIME_WDAY" Scalar;
    TimeYear "TIME_YEAR" Scalar;
    Tx "TX" Collection;
    UniqueId "UNIQUE_ID" Scalar;
    UrlencodedError "URLENCODED_ERROR" Scalar;
    User "USER" Persistent;
    UserId "USERID" Scalar;
    WebAppId "WEBAPPID" Scalar;
    Xml "XML" Union(Variable::XmlText, Variable::XmlAttributes);
    XmlAttributes "XML://@*" Collection;
    XmlText "XML:/*" Collection;
}

/// Other names of the same variables.
const ALIASES: &[(&str, Variable)] = &[
    ("REQUEST_XML", Variable::Xml),
    ("STATUS", Variable::ResponseStatus),
    ("RESPONSE_STATUS_LINE", Variable::StatusLine),
];

/// How many variables there are.
pub(crate) const COUNT: usize = Variable::ALL.len();

impl Variable {
    /// The variable of that name, in any case.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let same = |other: &str| other.eq_ignore_ascii_case(name);
        Self::ALL
            .iter()
            .copied()
            .find(|variable| same(variable.name()))
            .or_else(|| ALIASES.iter().find(|(alias, _)| same(alias)).map(|(_, variable)| *variable))
    }

    /// Whether rules make its values themselves, of what they found before.
    pub(crate) const fn is_of_rules(self) -> bool {
        matches!(
            self,
            Self::Tx | Self::MatchedVar | Self::MatchedVarName | Self::MatchedVars | Self::MatchedVarsNames
        )
    }

    /// Whether the values can change while the rules of one phase run.
    pub(crate) const fn is_volatile(self) -> bool {
        matches!(
            self,
            Self::Duration
                | Self::Env
                | Self::Geo
                | Self::HighestSeverity
                | Self::MatchedVar
                | Self::MatchedVarName
                | Self::MatchedVars
                | Self::MatchedVarsNames
                | Self::PcreError
                | Self::PcreLimitsExceeded
                | Self::ReqbodyProcessor
                | Self::Rule
                | Self::SessionId
                | Self::Tx
                | Self::UserId
                | Self::WebAppId
        ) || matches!(self.shape(), Shape::Persistent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(Variable::find("args_names"), Some(Variable::ArgsNames));
        assert_eq!(Variable::find("Request_Xml"), Some(Variable::Xml));
        assert_eq!(Variable::find("ARGS_NAME"), None);
    }
}
