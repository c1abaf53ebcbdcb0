//! Directives of other engines that are no settings here.

/// Directives that are read and change nothing, and why nothing is lost.
pub(super) const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("SecAuditLog", "who runs the engine decides where audit records go"),
    ("SecAuditLog2", "who runs the engine decides where audit records go"),
    ("SecAuditLogDirMode", "who runs the engine decides where audit records go"),
    ("SecAuditLogFileMode", "who runs the engine decides where audit records go"),
    ("SecAuditLogFormat", "audit records are JSON"),
    ("SecAuditLogStorageDir", "who runs the engine decides where audit records go"),
    ("SecAuditLogType", "who runs the engine decides where audit records go"),
    ("SecConnEngine", "connections are limited before the engine"),
    ("SecConnReadStateLimit", "connections are limited before the engine"),
    ("SecConnWriteStateLimit", "connections are limited before the engine"),
    ("SecDataDir", "who runs the engine decides where collections are stored"),
    ("SecDebugLog", "there is no debug log: `gabion waf explain` shows the same"),
    ("SecDebugLogLevel", "there is no debug log: `gabion waf explain` shows the same"),
    ("SecIgnoreRuleCompilationErrors", "a rule that cannot be compiled is always an error"),
    ("SecPcreMatchLimit", "patterns run in linear time, or under the engine's own step limit"),
    ("SecPcreMatchLimitRecursion", "patterns run in linear time, or under the engine's own step limit"),
    ("SecRequestBodyInMemoryLimit", "who runs the engine holds the body"),
    ("SecRulePerfTime", "the engine measures no time"),
    ("SecRxPreFilter", "the prefilter is always on and changes no result"),
    ("SecSensorId", "events name the installation already"),
    ("SecServerSignature", "the proxy decides which Server header goes out"),
    ("SecStatusEngine", "nothing is reported to anybody"),
    ("SecTmpDir", "the engine writes no files"),
    ("SecUploadDir", "the engine writes no files"),
    ("SecUploadFileMode", "the engine writes no files"),
    ("SecUploadKeepFiles", "the engine writes no files"),
];

/// Directives that are refused, and why: to accept them would promise what does not happen.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("SecChrootDir", "the engine owns no process"),
    ("SecGsbLookupDb", "no such service exists any more"),
    ("SecGuardianLog", "the engine runs no programs"),
    ("SecHashEngine", "responses are not rewritten"),
    ("SecHashKey", "responses are not rewritten"),
    ("SecHashMethodPm", "responses are not rewritten"),
    ("SecHashMethodRx", "responses are not rewritten"),
    ("SecHashParam", "responses are not rewritten"),
    ("SecHttpBlKey", "the engine resolves no names itself"),
    ("SecRemoteRules", "rules come from files only"),
    ("SecRemoteRulesFailAction", "rules come from files only"),
    ("SecRuleInheritance", "there are no configuration contexts"),
    ("SecRuleScript", "the engine runs no programs"),
];
