//! ClamAV: a real one with a signature of these tests, and false ones that are slow, silent, or talk nonsense.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::files::{jpeg, zip};
use super::{FORM, Memory, echo, form, request, upload};
use crate::front::{Front, Setup, field, soon};

/// What the signature of these tests is about.
const VIRUS: &str = "a-harmless-text-that-tests-take-for-a-virus";
const CLAMD: &str = "/usr/sbin/clamd";

/// A running clamd; killed when dropped.
struct Clamd {
    child: Child,
    socket: PathBuf,
    _folder: TempDir,
}

impl Drop for Clamd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Clamd {
    /// None, and a word about it, where ClamAV is not installed.
    async fn start() -> Option<Self> {
        if !Path::new(CLAMD).exists() {
            eprintln!("skipped: {CLAMD} is not there; Debian has it in clamav-daemon");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (signatures, socket) = (folder.path().join("signatures"), folder.path().join("clamd.ctl"));
        std::fs::create_dir(&signatures).unwrap();
        let signature = format!("Gabion.Test:0:*:{}\n", HEXLOWER.encode(VIRUS.as_bytes()));
        std::fs::write(signatures.join("own.ndb"), signature).unwrap();
        let config = folder.path().join("clamd.conf");
        let text = format!(
            "DatabaseDirectory {}\nLocalSocket {}\nForeground yes\nStreamMaxLength 1M\nTemporaryDirectory {}\n",
            signatures.display(),
            socket.display(),
            folder.path().display()
        );
        std::fs::write(&config, text).unwrap();
        let config = format!("--config-file={}", config.display());
        let mut command = Command::new(CLAMD);
        let child = command.arg(config).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        let clamd = Self { child, socket, _folder: folder };
        let ready = async {
            while UnixStream::connect(&clamd.socket).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ready).await.expect("clamd listens within a minute");
        Some(clamd)
    }

    fn setup(&self) -> String {
        format!("clamav = {:?}", self.socket)
    }
}

async fn status(front: &Front, request: Vec<u8>) -> u16 {
    let mut wire = front.plain().await;
    let _ = wire.try_send(request).await;
    soon(wire.response()).await.unwrap().status
}

fn virus() -> Vec<u8> {
    upload("notes.txt", "text/plain", VIRUS.as_bytes())
}

fn good() -> Vec<u8> {
    upload("a.jpg", "image/jpeg", &jpeg())
}

#[tokio::test]
async fn what_clamav_knows_is_stopped_however_it_comes_and_all_else_passes() {
    let Some(clamd) = Clamd::start().await else { return };
    let shop = echo().await;
    let quarantine = Arc::new(Memory::default());
    let setup = Setup::of(&[&shop]).upload("mode = \"certain\"").upload(&clamd.setup());
    let front = setup.quarantine(&quarantine).start();
    assert_eq!(status(&front, virus()).await, 403);
    let packed = zip(&[("a.txt", VIRUS.as_bytes())]);
    assert_eq!(status(&front, upload("a.zip", "application/zip", &packed)).await, 403);
    let text = "Content-Type: text/csv\r\n";
    assert_eq!(status(&front, request("POST", "/", text, VIRUS.as_bytes())).await, 403);
    let data = data_encoding::BASE64.encode(VIRUS.as_bytes());
    let json = format!("{{\"name\":\"a.txt\",\"base64\":\"{data}\"}}");
    let declared = "Content-Type: application/json\r\n";
    assert_eq!(status(&front, request("POST", "/", declared, json.as_bytes())).await, 403);
    // In a file that is refused, but not for certain.
    let program = [super::PROGRAM, VIRUS.as_bytes()].concat();
    assert_eq!(status(&front, upload("a.exe", "application/octet-stream", &program)).await, 403);
    // Behind another one, in a body that is held in a file.
    let long = "an ordinary line\n".repeat(20_000);
    let files = [("a.txt", "text/plain", long.as_bytes()), ("b.txt", "text/plain", VIRUS.as_bytes())];
    assert_eq!(status(&front, request("POST", "/", FORM, &form(&files))).await, 403);
    assert_eq!(shop.requests(), 0);
    let event = front.events.first("upload.refused").await;
    assert_eq!(field(&event, "reasons"), "virus");
    assert!(field(&event, "why").contains("Gabion.Test"), "{event:?}");
    assert_eq!(quarantine.all().len(), 6);
    assert_eq!(quarantine.all()[5].1, VIRUS.as_bytes());
    let ordinary = [("a.txt", "text/plain", long.as_bytes()), ("b.jpg", "image/jpeg", &jpeg()[..])];
    assert_eq!(status(&front, request("POST", "/", FORM, &form(&ordinary))).await, 200);
    assert_eq!(status(&front, good()).await, 200);
}

#[tokio::test]
async fn a_file_that_is_too_long_for_clamav_is_refused_in_block_and_told_elsewhere() {
    let Some(clamd) = Clamd::start().await else { return };
    let shop = echo().await;
    let long = "an ordinary line\n".repeat(200_000);
    for (mode, expected) in [("block", 413), ("certain", 200)] {
        let setup = Setup::of(&[&shop]).upload(&format!("mode = \"{mode}\"")).upload(&clamd.setup());
        let front = setup.start();
        assert_eq!(status(&front, upload("a.txt", "text/plain", long.as_bytes())).await, expected, "{mode}");
        assert_eq!(field(&front.events.first("upload.partial").await, "what"), "too_large_for_clamav");
    }
}

/// What a false clamd does with a connection.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Reads all, answers this, and closes.
    Says(&'static [u8]),
    /// Answers this to the first bytes, and closes.
    Interrupts(&'static [u8]),
    /// Reads all and says nothing.
    Silent,
    /// Closes at once.
    Closes,
    /// Talks without an end.
    Talks,
}

impl Manner {
    async fn serve(self, mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) -> std::io::Result<()> {
        let mut heard = [0; 10];
        match self {
            Self::Closes => return Ok(()),
            Self::Talks => loop {
                stream.write_all(&[b'a'; 1024]).await?;
            },
            Self::Interrupts(answer) => {
                stream.read_exact(&mut heard).await?;
                return stream.write_all(answer).await;
            }
            Self::Says(_) | Self::Silent => stream.read_exact(&mut heard).await?,
        };
        assert_eq!(&heard, b"zINSTREAM\0");
        loop {
            let length = stream.read_u32().await?;
            let mut frame = vec![0; length as usize];
            stream.read_exact(&mut frame).await?;
            if length == 0 {
                break;
            }
        }
        match self {
            Self::Says(answer) => stream.write_all(answer).await,
            _ => std::future::pending().await,
        }
    }
}

/// A false clamd at a socket in a folder.
fn fake(manner: Manner) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clamd.ctl");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever asked may be gone.
            tokio::spawn(async move { drop(manner.serve(stream).await) });
        }
    });
    (folder, format!("clamav = {path:?}\nclamav_timeout_seconds = 1"))
}

#[tokio::test]
async fn without_an_answer_of_clamav_files_are_refused_or_pass_as_the_route_says() {
    for manner in [
        Manner::Silent,
        Manner::Closes,
        Manner::Talks,
        Manner::Says(b"what?\0"),
        Manner::Says(b"stream: OK"),
        Manner::Says(b"\xff\xfe\0"),
        Manner::Says(b"UNKNOWN COMMAND ERROR\0"),
        Manner::Interrupts(b"PONG\0"),
    ] {
        let (_folder, clamav) = fake(manner);
        let shop = echo().await;
        let front = Setup::of(&[&shop])
            .upload(&format!("mode = \"certain\"\n{clamav}"))
            .more("[[route]]\npath = \"/pass\"\nupstream = \"shop\"\nupload_when_down = \"pass\"")
            .more("[[route]]\npath = \"/detect\"\nupstream = \"shop\"\nupload = \"detect\"")
            .start();
        assert_eq!(status(&front, good()).await, 503, "{manner:?}");
        assert_eq!(shop.requests(), 0, "{manner:?}");
        for path in ["/pass", "/detect"] {
            let request = request("POST", path, FORM, &form(&[("a.jpg", "image/jpeg", &jpeg())]));
            assert_eq!(status(&front, request).await, 200, "{manner:?} {path}");
        }
        let down = front.events.all().iter().filter(|event| event.kind == "upload.scanner_down").count();
        assert_eq!(down, 1, "{manner:?}: told once, not for each file");
        let partial: Vec<_> =
            front.events.all().into_iter().filter(|event| event.kind == "upload.partial").collect();
        assert_eq!(partial.len(), 3, "{manner:?}");
        assert!(partial.iter().all(|event| field(event, "what") == "clamav"));
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_all_was_sent_counts() {
    let shop = echo().await;
    let long = "an ordinary line\n".repeat(200_000);
    for (answer, expected) in
        [(&b"stream: Tea.Test FOUND\0"[..], 403), (b"INSTREAM size limit exceeded. ERROR\0", 413)]
    {
        let (_folder, clamav) = fake(Manner::Interrupts(answer));
        let front = Setup::of(&[&shop]).upload(&format!("mode = \"block\"\n{clamav}")).start();
        assert_eq!(status(&front, upload("a.txt", "text/plain", long.as_bytes())).await, expected);
    }
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn clamav_is_told_to_be_back_once_it_answers_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shop = echo().await;
    let clamav = format!("mode = \"certain\"\nclamav = \"{address}\"\nclamav_timeout_seconds = 5");
    let front = Setup::of(&[&shop]).upload(&clamav).start();
    drop(listener);
    assert_eq!(status(&front, good()).await, 503);
    front.events.first("upload.scanner_down").await;
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { drop(Manner::Says(b"stream: OK\0").serve(stream).await) });
        }
    });
    assert_eq!(status(&front, good()).await, 200);
    front.events.first("upload.scanner_up").await;
    assert_eq!(shop.requests(), 1);
}
