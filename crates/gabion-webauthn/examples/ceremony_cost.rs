//! Verifies recorded answers and prints what that costs: `what<TAB>microseconds, median<TAB>slowest of 100`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool talks to whoever started it")]

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gabion_core::Timestamp;
use gabion_webauthn::{
    Ask, AuthenticationResponse, Binding, Challenge, NewPasskey, RegistrationResponse, RelyingParty, SignIn,
    UserEntity, UserHandle,
};

/// Rounds of each.
const ROUNDS: usize = 2000;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ceremony_cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    for (name, recorded) in [
        ("p256", include_str!("../tests/it/recorded/p256.json")),
        ("ed25519", include_str!("../tests/it/recorded/ed25519.json")),
    ] {
        let answers: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(recorded)?;
        let (created, signed_in) = (answers[0].get().as_bytes(), answers[1].get().as_bytes());
        let rp = RelyingParty::new("shop.example".parse()?, "Shop");
        let rp = rp.with_origin("https://shop.example".parse()?)?;
        let (binding, now) = (Binding::to(&[]), Timestamp::from_seconds(0));
        let ask = |number| Challenge::new([number; 32]).map(|challenge| Ask::new(challenge, binding, now));

        let user =
            UserEntity { id: UserHandle::new("ann")?, name: String::new(), display_name: String::new() };
        let (_, state) = rp.start_registration(ask(1)?, NewPasskey::first(user))?;
        let register = || {
            let response = RegistrationResponse::parse(created)?;
            rp.finish_registration(state.clone(), response, &binding, now, false)
        };
        let credential = register()?.credential;
        time(&format!("{name}, registration"), || register().is_ok())?;

        let (_, state) = rp.start_authentication(ask(2)?, SignIn::anyone())?;
        let sign_in = |credential| {
            let response = AuthenticationResponse::parse(signed_in)?;
            rp.finish_authentication(state.clone(), response, credential, &binding, now)
        };
        time(&format!("{name}, sign-in"), || sign_in(Some(credential.clone())).is_ok())?;
        let mut other = credential.clone();
        other.user = UserHandle::new("bob")?;
        time(&format!("{name}, sign-in as another"), || sign_in(Some(other.clone())).is_err())?;
        time(&format!("{name}, sign-in of nobody"), || sign_in(None).is_err())?;
    }
    Ok(())
}

fn time(what: &str, run: impl Fn() -> bool) -> Result<(), Box<dyn Error>> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        if !run() {
            return Err(format!("{what}: not as expected").into());
        }
        rounds.push(start.elapsed());
    }
    rounds.sort();
    let micros = |round: Duration| round.as_secs_f64() * 1e6;
    println!("{what}\t{:.1}\t{:.1}", micros(rounds[ROUNDS / 2]), micros(rounds[ROUNDS - ROUNDS / 100]));
    Ok(())
}
