//! Pictures of the navigation, drawn with strokes in the color of the text.

use askama::filters::HtmlSafe;
use std::fmt;

/// A small picture; prints as inline SVG that screen readers skip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// Four tiles.
    Overview,
    /// A list of lines.
    Events,
    /// Two machines.
    Upstreams,
    /// A gate.
    Edge,
    /// A funnel.
    Rules,
    /// A sheet of paper.
    Pages,
    /// An arrow out of a tray.
    Uploads,
    /// A padlock.
    Certificates,
    /// A shield.
    Protection,
    /// Sliders.
    Settings,
    /// A clock.
    History,
    /// Two people.
    Staff,
    /// A key.
    Keys,
    /// A shopping bag.
    Demo,
    /// An envelope.
    Mail,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Overview => "M3 3h5.5v5.5H3zM11.5 3H17v5.5h-5.5zM3 11.5h5.5V17H3zM11.5 11.5H17V17h-5.5z",
            Self::Events => "M7 5h10M7 10h10M7 15h10M3 5h.01M3 10h.01M3 15h.01",
            Self::Upstreams => "M3 3.5h14v5H3zM3 11.5h14v5H3zM6 6h.01M6 14h.01",
            Self::Edge => "M4 17V5M16 17V5M4 7.5h12M4 14h12M8 7.5V14M12 7.5V14",
            Self::Rules => "M3 4h14l-5.5 6.5v4.5l-3 2v-6.5z",
            Self::Pages => "M5 2.5h7l3.5 3.5v11.5H5zM12 2.5V6h3.5M8 9.5h4.5M8 12.5h4.5",
            Self::Uploads => "M4 12v5h12v-5M10 13V3.5M6.5 7L10 3.5 13.5 7",
            Self::Certificates => "M4 9h12v8H4zM6.5 9V6.5a3.5 3.5 0 0 1 7 0V9M10 12.5v1.5",
            Self::Protection => "M10 2.5l6.5 2.5v4.5c0 4-2.7 6.7-6.5 8-3.8-1.3-6.5-4-6.5-8V5z",
            Self::Settings => "M3 6h7M14 6h3M3 14h3M10 14h7M12 4v4M8 12v4",
            Self::History => "M10 3a7 7 0 1 1-6.5 4.4M3 3.5v4h4M10 6.5V10l2.5 1.5",
            Self::Staff => {
                "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 17c.3-3 2.5-5 5.5-5s5.2 2 5.5 5M13 4a3 3 0 0 1 0 5.3M15 12.5c1.8.8 2.8 2.4 3 4.5"
            }
            Self::Keys => "M7 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM9.9 9.1L17 2.5M14 5.3l2.5 2.5",
            Self::Mail => "M2.5 5h15v10.5h-15zM2.5 5.5L10 11.5l7.5-6",
            Self::Demo => "M4 6.5h12l1 10.5H3zM7 9V5.5a3 3 0 0 1 6 0V9",
        }
    }
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d="{}"/></svg>"#,
            self.path()
        )
    }
}

impl HtmlSafe for Icon {}
