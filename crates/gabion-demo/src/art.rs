//! Draws the pictures: a vessel from `art/vessels`, a motif on its label, colors from the catalog.
//!
//! Pictures use presentation attributes only, so a strict content policy does not change them.

use crate::catalog::{Item, Picture, Vessel};

const PANEL: &str = include_str!("../art/panel.svg");
const HERO: &str = include_str!("../art/hero.svg");
const SIDE_CUP: &str = include_str!("../art/vessels/side-cup.svg");
const SIDE_LEAVES: &str = include_str!("../art/vessels/side-leaves.svg");
const PAPER: &str = "#f8f2e4";
const INK: &str = "#17363c";

/// The picture of a product as an SVG document, 400 by 400 units.
pub(crate) fn product(item: &Item) -> String {
    let picture = &item.picture;
    let (back, halo, table) = backdrop(item.category);
    let drawing = fill(
        &vessel(picture),
        &[
            ("motif", motif(picture.motif)),
            ("line1", picture.line1),
            ("line2", picture.line2),
            ("body", picture.body),
            ("liquor", picture.liquor),
            ("paper", PAPER),
            ("ink", INK),
            ("accent", picture.accent),
            ("soft", PAPER),
        ],
    );
    fill(PANEL, &[("back", back), ("halo", halo), ("table", table), ("vessel", &drawing)])
}

/// The drawing on the home page, by day.
pub(crate) fn hero_day() -> String {
    hero(&[
        ("sky_top", "#bfdcd9"),
        ("sky_low", "#fbe9cf"),
        ("sun", "#f4b860"),
        ("cloud", "#fffaf0"),
        ("sea_far", "#7db3b1"),
        ("sea_near", "#2f6f76"),
        ("hill_far", "#8fb3a6"),
        ("hill", "#55836f"),
        ("hill_near", "#3b6656"),
        ("tower", "#fdf6e8"),
        ("roof", "#b8503c"),
        ("lamp", "#ffe3a1"),
        ("sail", "#fdf6e8"),
        ("foam", "#e9f5f0"),
        ("quay", "#c9a877"),
        ("cup", "#fbf5e9"),
        ("glaze", "#2b5f6b"),
        ("tea", "#a4541b"),
        ("tin", "#1f4e5a"),
        ("label", PAPER),
    ])
}

/// The drawing on the home page, by night; the page picks it when the reader prefers dark.
pub(crate) fn hero_night() -> String {
    hero(&[
        ("sky_top", "#0d2230"),
        ("sky_low", "#35566a"),
        ("sun", "#efe3bf"),
        ("cloud", "#4b6a7b"),
        ("sea_far", "#2d5568"),
        ("sea_near", "#0f2a38"),
        ("hill_far", "#28475a"),
        ("hill", "#1a3844"),
        ("hill_near", "#122b36"),
        ("tower", "#d8d2c2"),
        ("roof", "#8d3f33"),
        ("lamp", "#ffd98a"),
        ("sail", "#d9d4c6"),
        ("foam", "#8fb6c0"),
        ("quay", "#4a4034"),
        ("cup", "#e5dccb"),
        ("glaze", "#2b5f6b"),
        ("tea", "#8a4415"),
        ("tin", "#2a6573"),
        ("label", "#e9e0cc"),
    ])
}

fn hero(colors: &[(&str, &str)]) -> String {
    let drawing = fill(HERO, &[("motif", motif("boat"))]);
    fill(&fill(&drawing, colors), &[("ink", INK), ("accent", "#c98a3a"), ("soft", "#8fb3a6")])
}

fn vessel(picture: &Picture) -> String {
    match picture.vessel {
        Vessel::Tin => format!("{}{SIDE_CUP}", include_str!("../art/vessels/tin.svg")),
        Vessel::Caddy => format!("{}{SIDE_LEAVES}", include_str!("../art/vessels/caddy.svg")),
        Vessel::Pouch => format!("{}{SIDE_CUP}", include_str!("../art/vessels/pouch.svg")),
        Vessel::Teapot => include_str!("../art/vessels/teapot.svg").to_owned(),
        Vessel::Cups => include_str!("../art/vessels/cups.svg").to_owned(),
        Vessel::Gaiwan => include_str!("../art/vessels/gaiwan.svg").to_owned(),
        Vessel::Basket => include_str!("../art/vessels/basket.svg").to_owned(),
        Vessel::Box => include_str!("../art/vessels/box.svg").to_owned(),
    }
}

fn motif(name: &str) -> &'static str {
    match name {
        "boat" => include_str!("../art/motifs/boat.svg"),
        "lighthouse" => include_str!("../art/motifs/lighthouse.svg"),
        "waves" => include_str!("../art/motifs/waves.svg"),
        "mountain" => include_str!("../art/motifs/mountain.svg"),
        "smoke" => include_str!("../art/motifs/smoke.svg"),
        "blossom" => include_str!("../art/motifs/blossom.svg"),
        "needles" => include_str!("../art/motifs/needles.svg"),
        "moon" => include_str!("../art/motifs/moon.svg"),
        "citrus" => include_str!("../art/motifs/citrus.svg"),
        "cliff" => include_str!("../art/motifs/cliff.svg"),
        "daisy" => include_str!("../art/motifs/daisy.svg"),
        "mint" => include_str!("../art/motifs/mint.svg"),
        "sundown" => include_str!("../art/motifs/sundown.svg"),
        "berries" => include_str!("../art/motifs/berries.svg"),
        "peony" => include_str!("../art/motifs/peony.svg"),
        "fish" => include_str!("../art/motifs/fish.svg"),
        "compass" => include_str!("../art/motifs/compass.svg"),
        _ => include_str!("../art/motifs/sprig.svg"),
    }
}

/// Wall, halo and table behind a product, by shelf.
fn backdrop(category: &str) -> (&'static str, &'static str, &'static str) {
    match category {
        "black" => ("#ecdcc4", "#f5ead7", "#d3b98f"),
        "green" => ("#d7e4d2", "#e6efe1", "#b3c7a6"),
        "oolong" => ("#ead2bd", "#f4e3d3", "#cfa785"),
        "white" => ("#e6e4dc", "#f2f0e9", "#c9c4b6"),
        "herbal" => ("#f1dfb8", "#f8ecd0", "#d9bd85"),
        _ => ("#cfe0de", "#dfebe8", "#a3c0bd"),
    }
}

/// Replaces each `{name}` by its value, in order: a value may hold later names.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ITEMS;

    #[test]
    fn every_picture_is_complete_and_names_no_outside_resource() {
        let drawings = ITEMS.iter().map(product).chain([hero_day(), hero_night()]);
        for drawing in drawings {
            assert!(drawing.starts_with("<svg "), "{drawing}");
            assert!(!drawing.contains('{'), "a color or motif was not filled in: {drawing}");
            assert_eq!(drawing.matches("http").count(), 1, "only the SVG namespace is an address");
        }
    }

    #[test]
    fn every_motif_of_the_catalog_is_drawn() {
        let sprig = motif("sprig");
        for item in ITEMS {
            assert_ne!(motif(item.picture.motif), sprig, "{} has no drawing", item.picture.motif);
        }
    }
}
