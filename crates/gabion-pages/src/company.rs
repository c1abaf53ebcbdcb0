//! Whose a host is, for hosts that many shops have. A hint for people: nothing is allowed because it stands here.

/// What a host is known for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The company.
    pub company: &'static str,
    /// What such hosts are for.
    pub purpose: Purpose,
    /// Whether its scripts are changed by the company at any time under the same address: they are never pinned.
    pub changes_by_itself: bool,
    /// Whether anybody can put files there: the host as a whole is never allowed, only an address.
    pub is_shared: bool,
}

/// What a host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Payments.
    Payment,
    /// Counting and watching visitors.
    Analytics,
    /// Advertising.
    Advertising,
    /// Loading other scripts.
    TagManager,
    /// Files for any site.
    Files,
    /// Telling people from programs.
    Robots,
    /// Asking for consent.
    Consent,
    /// Conversations and help.
    Chat,
    /// Films, maps, posts of others.
    Media,
    /// Reviews and seals.
    Reviews,
    /// Mail to customers.
    Mail,
    /// Errors and speed.
    Monitoring,
}

impl Purpose {
    /// In a few words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Payment => "takes payments",
            Self::Analytics => "counts and watches visits",
            Self::Advertising => "shows and measures advertising",
            Self::TagManager => "loads scripts of others",
            Self::Files => "keeps files for many sites",
            Self::Robots => "tells people from programs",
            Self::Consent => "asks for consent",
            Self::Chat => "offers conversations",
            Self::Media => "shows films, maps or posts",
            Self::Reviews => "shows reviews and seals",
            Self::Mail => "writes to customers",
            Self::Monitoring => "notes errors and speed",
        }
    }
}

/// Payment scripts that their companies change without notice.
const PAYMENT: &[(&str, &str)] = &[
    ("stripe.com", "Stripe"),
    ("stripe.network", "Stripe"),
    ("paypal.com", "PayPal"),
    ("paypalobjects.com", "PayPal"),
    ("adyen.com", "Adyen"),
    ("klarna.com", "Klarna"),
    ("klarnacdn.net", "Klarna"),
    ("klarnaservices.com", "Klarna"),
    ("pay.google.com", "Google Pay"),
    ("applepay.cdn-apple.com", "Apple Pay"),
    ("apple-pay-gateway.apple.com", "Apple Pay"),
    ("braintreegateway.com", "Braintree"),
    ("braintree-api.com", "Braintree"),
    ("mollie.com", "Mollie"),
    ("checkout.com", "Checkout.com"),
    ("squareup.com", "Square"),
    ("squarecdn.com", "Square"),
    ("authorize.net", "Authorize.Net"),
    ("worldpay.com", "Worldpay"),
    ("cybersource.com", "Cybersource"),
    ("payments-amazon.com", "Amazon Pay"),
    ("static-eu.payments-amazon.com", "Amazon Pay"),
    ("payone.com", "Payone"),
    ("unzer.com", "Unzer"),
    ("computop.com", "Computop"),
    ("mastercard.com", "Mastercard"),
    ("visa.com", "Visa"),
    ("afterpay.com", "Afterpay"),
    ("affirm.com", "Affirm"),
    ("razorpay.com", "Razorpay"),
    ("multisafepay.com", "MultiSafepay"),
    ("nexi.it", "Nexi"),
    ("sumup.com", "SumUp"),
    ("twint.ch", "TWINT"),
    ("datatrans.com", "Datatrans"),
    ("saferpay.com", "Saferpay"),
    ("payu.com", "PayU"),
    ("przelewy24.pl", "Przelewy24"),
];

/// Others: host, company, purpose, whether it changes its scripts by itself.
const OTHERS: &[(&str, &str, Purpose, bool)] = &[
    ("google-analytics.com", "Google", Purpose::Analytics, true),
    ("analytics.google.com", "Google", Purpose::Analytics, true),
    ("googletagmanager.com", "Google", Purpose::TagManager, true),
    ("googleadservices.com", "Google", Purpose::Advertising, true),
    ("doubleclick.net", "Google", Purpose::Advertising, true),
    ("googlesyndication.com", "Google", Purpose::Advertising, true),
    ("recaptcha.net", "Google", Purpose::Robots, true),
    ("fonts.googleapis.com", "Google", Purpose::Files, true),
    ("fonts.gstatic.com", "Google", Purpose::Files, false),
    ("maps.googleapis.com", "Google", Purpose::Media, true),
    ("gstatic.com", "Google", Purpose::Files, true),
    ("google.com", "Google", Purpose::Robots, true),
    ("youtube.com", "Google", Purpose::Media, true),
    ("youtube-nocookie.com", "Google", Purpose::Media, true),
    ("facebook.com", "Meta", Purpose::Advertising, true),
    ("facebook.net", "Meta", Purpose::Advertising, true),
    ("instagram.com", "Meta", Purpose::Media, true),
    ("bing.com", "Microsoft", Purpose::Advertising, true),
    ("clarity.ms", "Microsoft", Purpose::Analytics, true),
    ("tiktok.com", "TikTok", Purpose::Advertising, true),
    ("pinterest.com", "Pinterest", Purpose::Advertising, true),
    ("pinimg.com", "Pinterest", Purpose::Advertising, true),
    ("snapchat.com", "Snap", Purpose::Advertising, true),
    ("sc-static.net", "Snap", Purpose::Advertising, true),
    ("linkedin.com", "LinkedIn", Purpose::Advertising, true),
    ("licdn.com", "LinkedIn", Purpose::Advertising, true),
    ("criteo.com", "Criteo", Purpose::Advertising, true),
    ("criteo.net", "Criteo", Purpose::Advertising, true),
    ("hotjar.com", "Hotjar", Purpose::Analytics, true),
    ("hotjar.io", "Hotjar", Purpose::Analytics, true),
    ("matomo.cloud", "Matomo", Purpose::Analytics, true),
    ("etracker.com", "etracker", Purpose::Analytics, true),
    ("hcaptcha.com", "hCaptcha", Purpose::Robots, true),
    ("challenges.cloudflare.com", "Cloudflare", Purpose::Robots, true),
    ("cloudflareinsights.com", "Cloudflare", Purpose::Monitoring, true),
    ("friendlycaptcha.com", "Friendly Captcha", Purpose::Robots, true),
    ("cookiebot.com", "Cookiebot", Purpose::Consent, true),
    ("usercentrics.eu", "Usercentrics", Purpose::Consent, true),
    ("onetrust.com", "OneTrust", Purpose::Consent, true),
    ("cookielaw.org", "OneTrust", Purpose::Consent, true),
    ("iubenda.com", "iubenda", Purpose::Consent, true),
    ("intercom.io", "Intercom", Purpose::Chat, true),
    ("intercomcdn.com", "Intercom", Purpose::Chat, true),
    ("zdassets.com", "Zendesk", Purpose::Chat, true),
    ("zendesk.com", "Zendesk", Purpose::Chat, true),
    ("tawk.to", "tawk.to", Purpose::Chat, true),
    ("hubspot.com", "HubSpot", Purpose::Mail, true),
    ("hs-scripts.com", "HubSpot", Purpose::Mail, true),
    ("klaviyo.com", "Klaviyo", Purpose::Mail, true),
    ("mailchimp.com", "Mailchimp", Purpose::Mail, true),
    ("list-manage.com", "Mailchimp", Purpose::Mail, false),
    ("trustpilot.com", "Trustpilot", Purpose::Reviews, true),
    ("trustedshops.com", "Trusted Shops", Purpose::Reviews, true),
    ("vimeo.com", "Vimeo", Purpose::Media, true),
    ("vimeocdn.com", "Vimeo", Purpose::Media, true),
    ("openstreetmap.org", "OpenStreetMap", Purpose::Media, false),
    ("sentry.io", "Sentry", Purpose::Monitoring, false),
    ("sentry-cdn.com", "Sentry", Purpose::Monitoring, false),
    ("newrelic.com", "New Relic", Purpose::Monitoring, true),
    ("nr-data.net", "New Relic", Purpose::Monitoring, false),
    ("code.jquery.com", "jQuery", Purpose::Files, false),
    ("typekit.net", "Adobe", Purpose::Files, true),
];

/// Hosts where anybody can put files.
const SHARED: &[(&str, &str)] = &[
    ("jsdelivr.net", "jsDelivr"),
    ("unpkg.com", "unpkg"),
    ("cdnjs.cloudflare.com", "Cloudflare"),
    ("ajax.googleapis.com", "Google"),
    ("storage.googleapis.com", "Google"),
    ("githubusercontent.com", "GitHub"),
    ("github.io", "GitHub"),
    ("gitlab.io", "GitLab"),
    ("esm.sh", "esm.sh"),
    ("skypack.dev", "Skypack"),
    ("statically.io", "Statically"),
    ("amazonaws.com", "Amazon"),
    ("cloudfront.net", "Amazon"),
    ("azureedge.net", "Microsoft"),
    ("blob.core.windows.net", "Microsoft"),
    ("workers.dev", "Cloudflare"),
    ("pages.dev", "Cloudflare"),
    ("r2.dev", "Cloudflare"),
    ("netlify.app", "Netlify"),
    ("vercel.app", "Vercel"),
    ("herokuapp.com", "Heroku"),
    ("web.app", "Google"),
    ("firebaseapp.com", "Google"),
];

/// What `host` is known for, if anything. The most exact entry counts.
pub fn of_host(host: &str) -> Option<Known> {
    let entries = PAYMENT
        .iter()
        .map(|(suffix, company)| (*suffix, known(company, Purpose::Payment, true, false)))
        .chain(
            OTHERS.iter().map(|(suffix, company, purpose, changes)| {
                (*suffix, known(company, *purpose, *changes, false))
            }),
        )
        .chain(SHARED.iter().map(|(suffix, company)| (*suffix, known(company, Purpose::Files, false, true))));
    entries
        .filter(|(suffix, _)| is_below(host, suffix))
        .max_by_key(|(suffix, _)| suffix.len())
        .map(|(_, known)| known)
}

const fn known(company: &'static str, purpose: Purpose, changes_by_itself: bool, is_shared: bool) -> Known {
    Known { company, purpose, changes_by_itself, is_shared }
}

fn is_below(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_host_counts_and_look_alikes_do_not() {
        for (host, expected) in [
            ("js.stripe.com", Some(("Stripe", true, false))),
            ("stripe.com", Some(("Stripe", true, false))),
            ("evilstripe.com", None),
            ("stripe.com.evil.example", None),
            ("cdn.jsdelivr.net", Some(("jsDelivr", false, true))),
            ("pay.google.com", Some(("Google Pay", true, false))),
            ("www.google.com", Some(("Google", true, false))),
            ("ajax.googleapis.com", Some(("Google", false, true))),
            ("shop.example", None),
        ] {
            let found = of_host(host).map(|known| (known.company, known.changes_by_itself, known.is_shared));
            assert_eq!(found, expected, "{host}");
        }
    }
}
