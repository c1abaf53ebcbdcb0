//! The page about risk against the code.

use gabion_risk::Code;

#[test]
fn the_page_has_the_table_of_weights() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/concepts/risk.md");
    let page = std::fs::read_to_string(path).unwrap();
    for code in Code::ALL {
        let weight = code.weight();
        let points = match (weight.step, weight.max) {
            (_, 0) => "none".to_owned(),
            (step, max) if step == max => max.to_string(),
            (step, max) => format!("{step} each, {max} at most"),
        };
        let row = format!("| `{}` | {points} |", code.as_str());
        assert!(page.contains(&row), "the page lacks {row}");
    }
}
