//! The authenticator app and the codes that stand in for it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gabion_core::Secret;
use serde::Deserialize;

use super::Member;
use super::account::{after, back};
use super::door::NoFields;
use super::form::Form;
use super::trouble::Trouble;
use super::view::{Frame, render};
use crate::customer::factor::TotpOffer;
use crate::customer::{CustomerError, Customers};

#[derive(Template)]
#[template(path = "customer/totp.html")]
struct TotpPage<'a> {
    frame: &'a Frame,
    /// The address as a QR code, in SVG.
    picture: &'a str,
    secret: &'a str,
    address: &'a str,
    offer: &'a str,
    refused: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "customer/codes.html")]
struct CodesPage<'a> {
    frame: &'a Frame,
    codes: &'a [Secret<String>],
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmForm {
    offer: String,
    code: String,
}

pub(super) async fn offer(State(customers): State<Customers>, member: Member) -> Result<Response, Trouble> {
    match customers.start_totp(&member.signed_in).await {
        Ok(offer) => draw_offer(&member, &offer, None),
        Err(CustomerError::NotFresh) => Err(Trouble::step_up("/.gabion/account/totp")),
        Err(error) => Err(error.into()),
    }
}

fn draw_offer(member: &Member, offer: &TotpOffer, trouble: Option<&Trouble>) -> Result<Response, Trouble> {
    let frame = Frame::of(&member.visit, "totp.title");
    let picture = gabion_page::qr::svg(offer.address.expose()).ok_or_else(Trouble::internal)?;
    let page = render(&TotpPage {
        frame: &frame,
        picture: &picture,
        secret: offer.secret.expose(),
        address: offer.address.expose(),
        offer: &offer.sealed,
        refused: trouble.map(|trouble| frame.words.text(trouble.text())),
    })?;
    Ok(match trouble {
        Some(trouble) => trouble.on(page),
        None => page,
    })
}

pub(super) async fn confirm(
    State(customers): State<Customers>,
    member: Member,
    Form(ConfirmForm { offer, code }): Form<ConfirmForm>,
) -> Result<Response, Trouble> {
    let Member { visit, signed_in } = &member;
    match customers.confirm_totp(signed_in, &offer, &code, &visit.client).await {
        Ok(codes) => draw_codes(&member, &codes),
        Err(error @ CustomerError::WrongCode) => {
            let offer = customers.totp_offer(signed_in, offer).await?;
            draw_offer(&member, &offer, Some(&Trouble::from(error)))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn remove(
    State(customers): State<Customers>,
    member: Member,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, Trouble> {
    let removed = customers.remove_totp(&member.signed_in, &member.visit.client).await;
    after(&customers, &member, removed, |()| back("app")).await
}

pub(super) async fn renew(
    State(customers): State<Customers>,
    member: Member,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, Trouble> {
    match customers.renew_codes(&member.signed_in, &member.visit.client).await {
        Ok(codes) => draw_codes(&member, &codes),
        Err(error) => after(&customers, &member, Err(error), |()| back("codes")).await,
    }
}

fn draw_codes(member: &Member, codes: &[Secret<String>]) -> Result<Response, Trouble> {
    let frame = Frame::of(&member.visit, "codes.title");
    render(&CodesPage { frame: &frame, codes })
}
