//! Scripts of any shape.

use proptest::prelude::*;

proptest! {
    #[test]
    fn any_script_is_laid_out_whole_and_compared(
        parts in prop::collection::vec(
            prop_oneof![
                Just("'"), Just("\""), Just("`"), Just("${"), Just("}"), Just("{"), Just("/"), Just("/*"), Just("*/"),
                Just("//"), Just("\n"), Just("\\"), Just("["), Just("]"), Just("("), Just(")"), Just(";"), Just(","),
                Just("fetch("), Just("atob("), Just("'https://a.example'"), Just("card_number"), Just(".src="), Just("é"),
                Just("return "), Just("1"),
            ],
            0..60,
        ),
    ) {
        gabion_markup::fuzz::script(parts.concat().as_bytes());
    }
}
