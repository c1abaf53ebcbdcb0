//! Letters that were kept instead of sent, as pages and the API show them.

use gabion_outbound::mail::{Captured, Kind};
use gabion_store::outbox::MessageId;
use gabion_web::problem::Place;
use gabion_web::{Cursor, Listing, Page, Problem};

use crate::Console;

/// There is no such letter.
fn gone() -> Problem {
    Problem::not_found("there is no such letter, or newer ones have taken its place")
}

impl Console {
    /// Whether letters are kept here instead of sent.
    pub(crate) fn keeps_letters(&self) -> bool {
        self.0.mail.kind() == Kind::Captured
    }

    /// A page of kept letters, newest first.
    ///
    /// # Errors
    /// 404 where letters are sent, 400 for a cursor that is none, 503 while the database does not answer.
    pub(crate) async fn letters(&self, page: &Page) -> Result<Listing<Captured>, Problem> {
        self.need_mailbox()?;
        let unknown = |_| {
            let detail = "cursor is not one this API gave out";
            Problem::invalid(detail).fault(Place::Parameter("cursor"), detail)
        };
        let before = page.cursor.as_ref().map(|cursor| cursor.position().parse());
        let before = before.transpose().map_err(unknown)?;
        let letters = self.0.mail.captured(before, page.limit + 1).await?;
        Ok(page.listing(letters, |letter| Cursor::after(letter.id)))
    }

    /// One kept letter.
    ///
    /// # Errors
    /// 404 where there is none, 503 while the database does not answer.
    pub(crate) async fn letter(&self, id: MessageId) -> Result<Captured, Problem> {
        self.need_mailbox()?;
        self.0.mail.captured_letter(id).await?.ok_or_else(gone)
    }

    fn need_mailbox(&self) -> Result<(), Problem> {
        if self.keeps_letters() {
            return Ok(());
        }
        Err(Problem::not_found("letters are not kept here: [mail] capture is off"))
    }
}
