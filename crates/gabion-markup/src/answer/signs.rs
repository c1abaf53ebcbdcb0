//! The signs: bytes that answers of a shop should not have, and what must stand around them.

use gabion_core::Severity;

/// A sign of something that an answer should not say.
#[derive(Debug)]
pub(super) struct Sign {
    pub(super) code: &'static str,
    pub(super) text: &'static str,
    pub(super) before: Before,
    pub(super) after: After,
    pub(super) severity: Severity,
    pub(super) sentence: &'static str,
    pub(super) fix: &'static str,
}

/// What must stand before a sign.
#[derive(Clone, Copy, Debug)]
pub(super) enum Before {
    Anything,
    /// The answer begins with it.
    Nothing,
    /// A line begins with it.
    LineEnd,
    /// No letter, digit or underscore.
    NoWord,
}

/// What must stand behind a sign.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    Anything,
    /// At least so many bytes that belong to a key, not all the same.
    Key {
        bytes: usize,
        belongs: fn(u8) -> bool,
    },
    /// That text, soon.
    Text(&'static [u8]),
    /// Something that is no space.
    Value,
}

const DEBUG: &str = "Switch debug mode off where customers are served, and send errors to a log. Messages like this \
                     name files, versions and sometimes passwords.";
const DISPLAY_ERRORS: &str = "Set display_errors = Off in the php.ini of the shop and log errors to a file.";
const LISTING: &str =
    "Switch listings off (nginx: autoindex off; Apache: Options -Indexes), and look at what was listed.";
const FILE: &str = "Remove the file from the folder that is served, or refuse its path. Everything in it is known now: \
                    change every password and key that it has.";
const KEY: &str = "Withdraw the key where it was issued and make a new one, then take it out of what is served. Pages \
                   and scripts may only hold keys that are meant to be public.";

const fn debug(code: &'static str, text: &'static str, sentence: &'static str) -> Sign {
    let (before, after) = (Before::Anything, After::Anything);
    Sign { code, text, before, after, severity: Severity::Warning, sentence, fix: DEBUG }
}

const fn php(text: &'static str) -> Sign {
    Sign {
        code: "php-error",
        text,
        before: Before::Anything,
        after: After::Text(b" on line "),
        severity: Severity::Warning,
        sentence: "The answer shows an error message of PHP with the path of a file.",
        fix: DISPLAY_ERRORS,
    }
}

const fn listing(text: &'static str) -> Sign {
    Sign {
        code: "directory-listing",
        text,
        before: Before::Anything,
        after: After::Anything,
        severity: Severity::Warning,
        sentence: "The answer lists the files of a folder.",
        fix: LISTING,
    }
}

const fn file(code: &'static str, text: &'static str, before: Before, sentence: &'static str) -> Sign {
    Sign { code, text, before, after: After::Anything, severity: Severity::Critical, sentence, fix: FILE }
}

const fn env(text: &'static str) -> Sign {
    let sentence = "The answer is a file of settings with passwords, such as .env.";
    Sign { after: After::Value, ..file("env-file", text, Before::LineEnd, sentence) }
}

const fn private_key(text: &'static str) -> Sign {
    file("private-key", text, Before::Anything, "The answer holds a private key.")
}

const fn key(
    code: &'static str,
    text: &'static str,
    bytes: usize,
    belongs: fn(u8) -> bool,
    sentence: &'static str,
) -> Sign {
    let (before, after) = (Before::NoWord, After::Key { bytes, belongs });
    Sign { code, text, before, after, severity: Severity::Critical, sentence, fix: KEY }
}

const fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

const fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

const fn hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

const fn token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

const DJANGO: &str = "The answer is a debug page of Django.";
const LARAVEL: &str = "The answer is a debug page of Laravel.";
const SYMFONY: &str = "The answer is a debug page of Symfony.";
const ASPNET: &str = "The answer is an error page of ASP.NET with its details.";
const RAILS: &str = "The answer is a debug page of Rails.";
const GIT: &str = "The answer is part of a .git folder, from which all source code can be fetched.";
const STRIPE: &str = "The answer holds a secret key of Stripe: whoever has it can move money.";
const AWS: &str = "The answer holds an access key of Amazon Web Services.";
const GITHUB: &str = "The answer holds an access token of GitHub.";
const BRAINTREE: &str = "The answer holds an access token of Braintree.";
const SHOPIFY: &str = "The answer holds an access token of Shopify.";
const SLACK: &str = "The answer holds a token of Slack.";
const GITLAB: &str = "The answer holds an access token of GitLab.";
const SQUARE: &str = "The answer holds a secret of Square: whoever has it can move money.";

/// A card number; found by its digits and not by a text.
pub(super) static CARD: Sign = Sign {
    code: "card-number",
    text: "",
    before: Before::Anything,
    after: After::Anything,
    severity: Severity::Warning,
    sentence: "The answer holds a whole card number.",
    fix: "Show at most the first six and the last four digits (PCI DSS 4.0.1 requirement 3.4.1), and find out why the \
          shop has the number at all.",
};

/// All signs that are found by a text.
pub(super) static SIGNS: &[Sign] = &[
    php("<b>Fatal error</b>:"),
    php("<b>Parse error</b>:"),
    php("<b>Warning</b>:"),
    php("<b>Notice</b>:"),
    php("<b>Deprecated</b>:"),
    php("PHP Fatal error:  "),
    debug("php-trace", "Stack trace:\n#0 ", "The answer shows a stack trace of PHP."),
    debug("phpinfo", "<title>phpinfo()</title>", "The answer shows the whole configuration of PHP."),
    debug("phpinfo", "<title>PHP 8", "The answer shows the whole configuration of PHP."),
    debug("django-debug", "you have <code>DEBUG = True</code>", DJANGO),
    debug("laravel-debug", "window.ignite(", LARAVEL),
    debug("laravel-debug", "Whoops! There was an error.", LARAVEL),
    debug("laravel-debug", "laravel-exceptions-renderer", LARAVEL),
    debug("symfony-debug", "<!-- Symfony\\Component\\", SYMFONY),
    debug("symfony-debug", "id=\"sfwdt", SYMFONY),
    debug("symfony-debug", "Symfony Exception</title>", SYMFONY),
    debug("aspnet-debug", "Version Information:</b>&nbsp;Microsoft .NET Framework", ASPNET),
    debug("aspnet-debug", "<!-- \r\n[HttpException]", ASPNET),
    debug("aspnet-debug", "<h2 class=\"exceptionMessage\">", ASPNET),
    debug("rails-debug", "<title>Action Controller: Exception caught</title>", RAILS),
    debug("rails-debug", "<p><code>Rails.root: ", RAILS),
    debug(
        "werkzeug-debug",
        "<!-- \n\nTraceback (most recent call last):",
        "The answer is a debug page of Werkzeug.",
    ),
    debug("werkzeug-debug", "// Werkzeug Debugger</title>", "The answer is a debug page of Werkzeug."),
    debug(
        "python-trace",
        "Traceback (most recent call last):\n  File \"",
        "The answer shows a stack trace of Python.",
    ),
    debug("whoops-debug", "<div class=\"Whoops container\">", "The answer is a debug page of PHP."),
    listing("<title>Index of /"),
    listing("<title>Directory listing for /"),
    listing("[To Parent Directory]</A>"),
    file("git-folder", "ref: refs/heads/", Before::Nothing, GIT),
    file("git-folder", "[core]\n\trepositoryformatversion", Before::Nothing, GIT),
    file("git-folder", "DIRC\0\0\0", Before::Nothing, GIT),
    env("DB_PASSWORD="),
    env("DB_PASS="),
    env("APP_KEY=base64:"),
    env("APP_SECRET="),
    env("DATABASE_URL="),
    env("AWS_SECRET_ACCESS_KEY="),
    env("STRIPE_SECRET="),
    env("STRIPE_SECRET_KEY="),
    env("MYSQL_ROOT_PASSWORD="),
    file("sql-dump", "-- MySQL dump ", Before::LineEnd, "The answer is a copy of a database."),
    file("sql-dump", "-- MariaDB dump ", Before::LineEnd, "The answer is a copy of a database."),
    file("sql-dump", "-- PostgreSQL database dump", Before::LineEnd, "The answer is a copy of a database."),
    file("sql-dump", "-- phpMyAdmin SQL Dump", Before::LineEnd, "The answer is a copy of a database."),
    file("database-file", "SQLite format 3\0", Before::Nothing, "The answer is a database."),
    file("source-code", "<?php", Before::Nothing, "The answer is source code that should have been run."),
    private_key("-----BEGIN PRIVATE KEY-----"),
    private_key("-----BEGIN RSA PRIVATE KEY-----"),
    private_key("-----BEGIN EC PRIVATE KEY-----"),
    private_key("-----BEGIN OPENSSH PRIVATE KEY-----"),
    private_key("-----BEGIN ENCRYPTED PRIVATE KEY-----"),
    key("stripe-secret-key", "sk_live_", 16, word, STRIPE),
    key("stripe-secret-key", "rk_live_", 16, word, STRIPE),
    key(
        "stripe-webhook-secret",
        "whsec_",
        32,
        word,
        "The answer holds a secret that signs messages of Stripe.",
    ),
    key("aws-key", "AKIA", 16, upper, AWS),
    key("aws-key", "ASIA", 16, upper, AWS),
    key("github-token", "ghp_", 36, word, GITHUB),
    key("github-token", "gho_", 36, word, GITHUB),
    key("github-token", "github_pat_", 60, token, GITHUB),
    key("gitlab-token", "glpat-", 20, token, GITLAB),
    key("slack-token", "xoxb-", 24, token, SLACK),
    key("slack-token", "xoxp-", 24, token, SLACK),
    key("shopify-token", "shpat_", 32, hex, SHOPIFY),
    key("shopify-token", "shpss_", 32, hex, SHOPIFY),
    key("square-secret", "sq0csp-", 40, token, SQUARE),
    key("braintree-token", "access_token$production$", 16, word, BRAINTREE),
];
