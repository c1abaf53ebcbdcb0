//! A letter as it travels. The same letter always makes the same bytes, so that a second delivery can be told from a
//! second letter.

use std::time::{Duration, SystemTime};

use gabion_core::Timestamp;
use gabion_store::outbox::MessageId;
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{MultiPart, SinglePart};

use super::{Letter, Sender};

/// What says that no person wrote it, so that no program answers it. Source: RFC 3834 section 5.
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
const CONTENT_LANGUAGE: HeaderName = HeaderName::new_from_ascii_str("Content-Language");

/// The letter with its head, ready to be sent: lines end in CRLF, everything but a foreign address is ASCII.
pub(crate) fn write(letter: &Letter, id: MessageId, put_at: Timestamp, from: &Sender) -> Vec<u8> {
    let builder = Message::builder()
        .message_id(Some(format!("<{id}@{}>", from.address.domain())))
        .date(system_time(put_at))
        .from(from.as_lettre())
        .to(lettre::message::Mailbox::new(None, letter.to.as_lettre().clone()))
        .subject(letter.subject.clone())
        .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
        .raw_header(HeaderValue::new(CONTENT_LANGUAGE, letter.language.clone()));
    let text = SinglePart::plain(letter.text.clone());
    let message = match &letter.html {
        None => builder.singlepart(text),
        Some(html) => builder.multipart(
            // A boundary by chance would make every delivery another one.
            MultiPart::alternative()
                .boundary(format!("=_{id}"))
                .singlepart(text)
                .singlepart(SinglePart::html(html.clone())),
        ),
    };
    message.expect("a letter has a sender and a recipient").formatted()
}

/// Seconds are enough for a Date header, and times before 1970 for none.
fn system_time(at: Timestamp) -> SystemTime {
    let seconds = u64::try_from(at.seconds()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn written(letter: &Letter) -> String {
        let from: Sender = "Müllers Tee <tee@shop.example>".parse().expect("a sender");
        let bytes = write(letter, MessageId::from_bits(7), NOW, &from);
        String::from_utf8(bytes).expect("it is ASCII")
    }

    fn letter() -> Letter {
        let to = "ann@shop.example".parse().expect("an address");
        Letter::new("sign_in.code", to, "Ihr Code für Müllers Tee", "Grüße\n.\nCode 123456\n").expect("good")
    }

    #[test]
    fn the_head_names_letter_time_and_machine() {
        let text = written(&letter().language("de").expect("a tag"));
        let id = MessageId::from_bits(7);
        for line in [
            &format!("Message-ID: <{id}@shop.example>\r\n"),
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n",
            "To: ann@shop.example\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Language: de\r\n",
            "MIME-Version: 1.0\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
        assert!(text.is_ascii(), "{text}");
    }

    #[test]
    fn the_same_letter_makes_the_same_bytes() {
        let letter = letter().html("<p>Grüße</p>").expect("good");
        assert_eq!(written(&letter), written(&letter));
        assert!(written(&letter).contains("multipart/alternative"));
        let text_first = written(&letter);
        assert!(text_first.find("text/plain") < text_first.find("text/html"));
    }
}
