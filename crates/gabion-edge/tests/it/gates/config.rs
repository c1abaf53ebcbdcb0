//! Gates in the operator's file.

use std::sync::Arc;

use gabion_edge::config::Requires;

use super::{Kept, ROUTES};
use crate::front::Setup;

#[track_caller]
fn check(setup: &Setup, expected: Result<(), &str>) {
    let found = setup.check().map(drop).map_err(|invalid| invalid.message);
    assert_eq!(found, expected.map_err(str::to_owned));
}

#[test]
fn a_gate_needs_people_who_can_sign_in() {
    let shop = Setup::at(([127, 0, 0, 1], 9).into());
    check(
        &shop.clone().more(ROUTES),
        Err(
            "requires = \"customer\" needs accounts, and site tidewater-tea has none: nobody could sign in there",
        ),
    );
    check(
        &shop.clone().route("forward_identity = true"),
        Err("forward_identity needs accounts, and site tidewater-tea has none: nobody could sign in there"),
    );
    check(
        &shop.clone().route("requires = \"nothing\"\nrequires_within_minutes = 0\nforward_identity = false"),
        Ok(()),
    );
    let open = shop.sessions(&Arc::new(Kept::default()));
    check(&open.clone().more(ROUTES), Ok(()));
    check(
        &open.clone().route("requires_within_minutes = 5"),
        Err("requires_within_minutes says how old a sign-in may be, and requires asks for none"),
    );
    check(
        &open.clone().route("requires = \"staff\"\nrequires_within_minutes = 43201"),
        Err("requires_within_minutes is at most 43200"),
    );
    let other = "[[site]]\nname = \"Other\"\norigins = [\"https://other.example\"]";
    check(
        &open.clone().more(other).route("requires = \"staff\""),
        Err("requires = \"staff\" needs accounts, and site other has none: nobody could sign in there"),
    );
    check(&open.clone().more(other).route("requires = \"staff\"\nhost = \"SHOP.example\""), Ok(()));
    let config = open.route("requires = \"second_factor\"").check().unwrap();
    assert_eq!(
        (config.routes[0].gate.requires, config.routes[0].gate.within),
        (Requires::SecondFactor, None)
    );
}

#[tokio::test]
async fn an_edge_without_anybody_who_keeps_sessions_does_not_start_with_gates() {
    let setup = Setup::at(([127, 0, 0, 1], 9).into());
    let gates = setup.clone().sessions(&Arc::new(Kept::default())).more(ROUTES).config();
    let error = setup.try_start(gates).err().unwrap().to_string();
    assert!(error.contains("nobody who keeps sessions"), "{error}");
    let front = setup.start();
    let gates = setup.clone().sessions(&Arc::new(Kept::default())).more(ROUTES).config();
    assert!(front.edge.reload(gates).is_err());
}
