//! The files of one request, from the body to the verdict.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use gabion_upload::picture::can_be_written_anew;

use super::anew;
use super::carrier::Carrier;
use super::clamav::{ClamAv, Scanned};
use super::look::{self, Found, Looked, Place, Unread};
use super::quarantine::{StoppedFile, StoppedFor};
use super::report::{self, About, Fate};
use super::{Scan, is_off};
use crate::config::{OverLimit, UploadMode, WhenDown};
use crate::held::{Content, Extent, Held, MEMORY_BYTES_MAX, Share, can_be_held};
use crate::layer::Visit;
use crate::{Refusal, guard};

/// A request that may carry files.
pub(super) struct Inspection {
    about: About,
    scan: Arc<Scan>,
    carriers: Vec<Carrier>,
    refused: Vec<Refused>,
    /// Pictures that are written anew, where the configuration says so.
    pictures: Vec<anew::Place>,
    /// What files take of the room that were decoded: they are in memory while others are asked.
    share: Share,
}

/// A file that is not as it should be.
struct Refused {
    facts: StoppedFile,
    place: Place,
    /// Whether nobody sends such a file on purpose.
    certain: bool,
}

/// Why something could not be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unseen {
    /// It is too long, compressed, of too many files, or cannot be read: the client's doing.
    Theirs(&'static str),
    /// There was no room, no turn, or a mistake of ours.
    Ours(&'static str),
    /// ClamAV did not say.
    Scanner,
}

impl Inspection {
    /// Begins, where files are looked at and the request may carry some.
    pub(super) fn begin(visit: &Visit) -> Option<Self> {
        if is_off(visit) || !can_be_held(visit) {
            return None;
        }
        let carriers = Carrier::of(&visit.request);
        let scan = Arc::clone(visit.state.scan.as_ref().filter(|_| !carriers.is_empty())?);
        let share = Share::of(visit.edge.room());
        let (refused, pictures) = Default::default();
        Some(Self { about: About::of(visit), scan, carriers, refused, pictures, share })
    }

    /// Looks at the files of the request. Its body is whole again afterwards.
    ///
    /// # Errors
    /// When it must not go on.
    pub(super) async fn request(mut self, visit: &mut Visit) -> Result<(), Refusal> {
        let (held, extent) = Held::request(visit, self.scan.body_bytes_max).await?;
        let mut unseen = if guard::encoded(visit.request.headers()) {
            Some(Unseen::Theirs("encoded_body"))
        } else {
            self.inspect(held.content(), extent == Extent::Whole).await
        };
        if extent == Extent::NoRoom {
            unseen = Some(Unseen::Ours("no_room"));
        }
        self.stop(held.content()).await?;
        unseen.map_or(Ok(()), |unseen| self.close(unseen))?;
        match self.write_anew(held.content(), extent).await {
            Ok(Some(body)) => anew::replace(&mut visit.request, body),
            written => {
                written.map_or_else(|unseen| self.close(unseen), |_| Ok(()))?;
                *visit.request.body_mut() = held.into_body();
            }
        }
        Ok(())
    }

    /// The body with its pictures written anew, where that is asked for and there are any.
    async fn write_anew(&mut self, content: &Content, extent: Extent) -> Result<Option<Bytes>, Unseen> {
        let pictures = std::mem::take(&mut self.pictures);
        if pictures.is_empty() || extent != Extent::Whole {
            return Ok(None);
        }
        let _turn = self.about.edge.room().turn().await.ok_or(Unseen::Ours("no_room"))?;
        let content = content.clone();
        let work = move || content.read().map(|body| anew::body(&body, pictures));
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(Ok(Some(body)))) if self.share.take_memory(body.len()) => Ok(Some(body.into())),
            Ok(Ok(Ok(None))) => Ok(None),
            Ok(Ok(Ok(Some(_))) | Err(_)) => Err(Unseen::Ours("no_room")),
            Ok(Ok(Err(error))) => {
                tracing::debug!(%error, "A picture was not written anew: {error}");
                Err(Unseen::Theirs("picture"))
            }
            Err(_) => {
                report::failed(&self.about);
                Err(Unseen::Ours("failed"))
            }
        }
    }

    /// Looks at all files, and says what could not be looked at.
    async fn inspect(&mut self, content: &Content, whole: bool) -> Option<Unseen> {
        let Found { files, unread } = match self.look(content, whole).await {
            Ok(found) => found,
            Err(unseen) => return Some(unseen),
        };
        let unread = unread.map(|unread| Unseen::Theirs(name(unread)));
        let files = self.judge(files);
        if self.refused.iter().any(|file| self.stops(file.certain)) {
            return unread;
        }
        let scanned = match self.scan.clamav.clone() {
            Some(clamav) => self.scan(&clamav, files, content).await,
            None => None,
        };
        unread.or(scanned)
    }

    /// Runs the engine: not at all where a short body has no files, else on a thread that customers do not wait for.
    async fn look(&self, content: &Content, whole: bool) -> Result<Found, Unseen> {
        if whole && content.len() <= MEMORY_BYTES_MAX && content.is_in_memory() {
            let body = content.read().map_err(|_| Unseen::Ours("no_room"))?;
            if !look::is_of_interest(&self.carriers, &body) {
                return Ok(Found::default());
            }
        }
        let turn = self.about.edge.room().turn().await.ok_or(Unseen::Ours("no_room"))?;
        let (scan, carriers, content) = (Arc::clone(&self.scan), self.carriers.clone(), content.clone());
        let policy = Arc::clone(&self.about.matched.route.upload.policy);
        let work = move || {
            let _turn = turn;
            let began = Instant::now();
            let body = content.read()?;
            let found = look::look(&carriers, &body, whole, &scan.inspector, &policy);
            Ok::<_, std::io::Error>((found, began.elapsed()))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok((found, took))) => {
                let metrics = self.about.edge.metrics();
                metrics.upload.record(took);
                metrics.upload_inspected.fetch_add(1, Ordering::Relaxed);
                metrics.upload_files.fetch_add(found.files.len() as u64, Ordering::Relaxed);
                Ok(found)
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "A held body could not be read");
                Err(Unseen::Ours("no_room"))
            }
            Err(_) => {
                report::failed(&self.about);
                Err(Unseen::Ours("failed"))
            }
        }
    }

    /// Notes which files are refused, and gives them all back. What was decoded and finds no room is let go, and not
    /// kept.
    fn judge(&mut self, files: Vec<Looked>) -> Vec<Looked> {
        let decoded = files.iter().map(|file| file.place.decoded_bytes()).sum();
        let has_room = self.share.take_memory(decoded);
        let placed =
            |file: Looked| if has_room { file } else { Looked { place: file.place.let_go(), ..file } };
        let files: Vec<_> = files.into_iter().map(placed).collect();
        // Where a body is read in several ways, nobody knows which of them the shop takes.
        if self.scan.rewrites_pictures && self.carriers.len() == 1 {
            self.pictures.extend(files.iter().filter_map(picture));
        }
        for Looked { inspection, place } in files.iter().filter(|file| !file.inspection.passes()) {
            let facts = StoppedFile::new(&self.about, inspection);
            self.refused.push(Refused { facts, place: place.clone(), certain: inspection.is_certain() });
        }
        files
    }

    /// Asks ClamAV about files until it knows one.
    async fn scan(&mut self, clamav: &ClamAv, files: Vec<Looked>, content: &Content) -> Option<Unseen> {
        let (deadline, mut unseen) = (clamav.deadline(), None);
        for Looked { inspection, place } in files {
            let scanned = match &place {
                Place::LetGo => return Some(Unseen::Ours("no_room")),
                place => clamav.scan(content, place, deadline).await,
            };
            let why = if let Scanned::Down { why } = &scanned { Some(why.as_str()) } else { None };
            self.scanner(clamav, why);
            match scanned {
                Scanned::Clean => {}
                Scanned::TooLarge => unseen = Some(Unseen::Theirs("too_large_for_clamav")),
                Scanned::Down { .. } => return Some(Unseen::Scanner),
                Scanned::Found { signature } => {
                    let mut facts = StoppedFile::new(&self.about, &inspection);
                    facts.reasons.insert(0, StoppedFor::virus(&signature));
                    self.refused.insert(0, Refused { facts, place, certain: true });
                    return unseen;
                }
            }
        }
        unseen
    }

    fn scanner(&self, clamav: &ClamAv, why: Option<&str>) {
        let changed = clamav.is_down(why.is_some());
        match why {
            Some(why) if changed => report::scanner_down(&self.about, clamav.config(), why),
            None if changed => report::scanner_up(&self.about, clamav.config()),
            _ => {}
        }
    }

    fn stops(&self, certain: bool) -> bool {
        match self.about.mode() {
            UploadMode::Block => true,
            UploadMode::Certain => certain,
            UploadMode::Detect | UploadMode::Off => false,
        }
    }

    /// Stops the request where one of its files is to be stopped; those go into quarantine.
    async fn stop(&self, content: &Content) -> Result<(), Refusal> {
        let Some(first) = self.refused.first() else { return Ok(()) };
        let stopped: Vec<_> = self.refused.iter().filter(|file| self.stops(file.certain)).collect();
        let Some(first_stopped) = stopped.first() else {
            report::refused(&self.about, &first.facts, self.refused.len(), Fate::Flagged);
            return Ok(());
        };
        let mut kept = true;
        for file in &stopped {
            kept &= self.keep(file, content).await;
        }
        report::refused(&self.about, &first_stopped.facts, stopped.len(), Fate::Stopped { kept });
        Err(Refusal::Upload { reason: first_stopped.facts.reasons[0].code.clone() })
    }

    /// Brings a file into quarantine. Says whether it is there.
    async fn keep(&self, file: &Refused, content: &Content) -> bool {
        let Some(quarantine) = self.about.edge.quarantine() else { return false };
        let Some(turn) = self.about.edge.room().turn().await else { return false };
        let (facts, place, content) = (file.facts.clone(), file.place.clone(), content.clone());
        let work = move || {
            let _turn = turn;
            match place {
                Place::Body(range) => quarantine.keep(&facts, &content.read_piece(range)?),
                Place::Decoded(bytes) => quarantine.keep(&facts, &bytes),
                Place::LetGo => Ok(false),
            }
        };
        let kept =
            tokio::task::spawn_blocking(work).await.unwrap_or_else(|gone| Err(std::io::Error::other(gone)));
        kept.unwrap_or_else(|error| {
            tracing::error!(%error, "A stopped file could not be kept: {error}");
            false
        })
    }

    /// What becomes of a request that was not seen as a whole.
    fn close(&self, unseen: Unseen) -> Result<(), Refusal> {
        let upload = &self.about.matched.route.upload;
        let blocks = upload.mode == UploadMode::Block;
        let (what, refusal) = match unseen {
            Unseen::Theirs(what) => {
                let refused = blocks && upload.over_limit == OverLimit::Refuse;
                (what, refused.then_some(Refusal::Uninspectable { what }))
            }
            Unseen::Ours(what) => (what, blocks.then_some(Refusal::Uninspected)),
            Unseen::Scanner => {
                let refused = upload.mode.stops() && upload.when_down == WhenDown::Refuse;
                ("clamav", refused.then_some(Refusal::Unscanned))
            }
        };
        report::partial(&self.about, what, refusal.is_some());
        refusal.map_or(Ok(()), Err)
    }
}

/// A picture that can be written anew where it is.
fn picture(file: &Looked) -> Option<anew::Place> {
    let kind = file.inspection.facts.kind.filter(|kind| can_be_written_anew(*kind))?;
    match &file.place {
        Place::Body(range) if file.inspection.passes() => Some((range.clone(), kind)),
        Place::Body(_) | Place::Decoded(_) | Place::LetGo => None,
    }
}

/// What was not read, as events name it.
const fn name(unread: Unread) -> &'static str {
    match unread {
        Unread::Longer => "body_bytes",
        Unread::Form => "form",
        Unread::Json => "json",
        Unread::Files => "files",
    }
}
