//! The frame around every page of the control plane.

use gabion_page::shell::{Icon, NavItem, Shell, StaffBadge};
use gabion_web::{Permission, Principal, ReadStaff, Role};

use crate::{Console, notice};

/// Entries of the navigation: word, address, picture.
const NAV: [(&str, &str, Icon); 12] = [
    ("Overview", "/", Icon::Overview),
    ("Events", "/events", Icon::Events),
    ("Upstreams", "/upstreams", Icon::Upstreams),
    ("Edge", "/edge", Icon::Edge),
    ("Rules", "/waf", Icon::Rules),
    ("Pages", "/pages", Icon::Pages),
    ("Uploads", "/uploads", Icon::Uploads),
    ("Settings", "/settings", Icon::Settings),
    ("Bypass", "/bypass", Icon::Protection),
    ("Staff", "/staff", Icon::Staff),
    ("API keys", "/api-keys", Icon::Keys),
    ("Account", "/account", Icon::Certificates),
];

pub(crate) fn shell(console: &Console, principal: &Principal, title: &str, current: &str) -> Shell {
    let (staff, role, csrf) = match principal {
        Principal::Staff(staff) => {
            let badge = StaffBadge { name: staff.name.clone(), role: staff.role.to_string() };
            (Some(badge), Some(staff.role), console.0.csrf.token(staff.session))
        }
        Principal::ApiKey(_) => (None, None, String::new()),
    };
    Shell {
        title: title.to_owned(),
        nav: nav(role, current, &more(console)),
        staff,
        banners: notice::banners(console),
        csrf,
        site_name: console.0.control.name(),
        ..Shell::default()
    }
}

/// Entries that are there where there is something behind them.
fn more(console: &Console) -> Vec<(&'static str, &'static str, Icon)> {
    let mailbox = console.keeps_letters().then_some(("Mailbox", "/mailbox", Icon::Mail));
    let demo = console.0.control.demo().is_some().then_some(("Demo", "/demo", Icon::Demo));
    mailbox.into_iter().chain(demo).collect()
}

fn nav(role: Option<Role>, current: &str, more: &[(&'static str, &'static str, Icon)]) -> Vec<NavItem> {
    NAV.iter()
        .chain(more)
        .copied()
        .filter(|(_, href, _)| may_open(role, href))
        .map(|(label, href, icon)| NavItem {
            label: label.to_owned(),
            href: href.to_owned(),
            icon,
            current: href == current,
            badge: None,
        })
        .collect()
}

/// Leaves out what would only answer 403.
fn may_open(role: Option<Role>, href: &str) -> bool {
    match href {
        "/staff" => role.is_some_and(ReadStaff::allows),
        "/api-keys" => role == Some(Role::Owner),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMO: (&str, &str, Icon) = ("Demo", "/demo", Icon::Demo);

    fn labels(role: Role) -> Vec<String> {
        nav(Some(role), "/events", &[DEMO]).into_iter().map(|item| item.label).collect()
    }

    #[test]
    fn the_navigation_leaves_out_what_a_role_cannot_open() {
        assert!(labels(Role::Owner).contains(&"API keys".to_owned()));
        assert!(labels(Role::Auditor).contains(&"Staff".to_owned()));
        assert!(!labels(Role::Support).contains(&"Staff".to_owned()));
        assert_eq!(labels(Role::Support).last().map(String::as_str), Some("Demo"));
    }

    #[test]
    fn one_entry_is_current() {
        let current: Vec<_> =
            nav(Some(Role::Owner), "/events", &[DEMO]).into_iter().filter(|item| item.current).collect();
        assert_eq!(current.len(), 1);
        assert_eq!(current[0].label, "Events");
    }
}
