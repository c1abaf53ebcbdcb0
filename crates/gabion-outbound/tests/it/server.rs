//! A small mail server that does what a test tells it: takes letters, refuses, stalls, hangs up.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Where in the talk something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Mail,
    Rcpt,
    Data,
    /// After all of the letter.
    End,
}

/// What happens there, instead of what should.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Say(&'static str),
    Stall,
    HangUp,
    /// Takes the letter and hangs up without saying so.
    TakeAndHangUp,
    /// Does what it should, and hangs up without a word.
    LeaveAfterwards,
    /// Says more than anybody should.
    Chatter,
}

/// A letter as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) content: String,
    pub(crate) encrypted: bool,
    pub(crate) login: Option<(String, String)>,
}

impl Received {
    /// The value of a header that stands on one line.
    pub(crate) fn header(&self, name: &str) -> String {
        let line = self.content.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.content)).to_owned()
    }
}

/// How the line is protected.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// TLS from the first byte.
    pub(crate) tls: Option<TlsAcceptor>,
    /// TLS after STARTTLS.
    pub(crate) start_tls: Option<TlsAcceptor>,
    /// What is slipped in behind the answer to STARTTLS.
    pub(crate) injected: &'static str,
    /// Who may sign in; nobody has to when none.
    pub(crate) login: Option<(&'static str, &'static str)>,
}

#[derive(Default)]
struct State {
    mishaps: Vec<(Stage, Act)>,
    received: Vec<Received>,
    connections: usize,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, manners.clone(), Arc::clone(&shared)));
            }
        });
        Self { address, state, task }
    }

    /// Has something happen the next time a connection comes to a stage.
    pub(crate) fn next(&self, stage: Stage, act: Act) {
        self.state.lock().unwrap().mishaps.push((stage, act));
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

/// Whether the talk goes on.
enum Then {
    GoOn,
    End,
}

struct Talk<S> {
    stream: BufReader<S>,
    manners: Manners,
    state: Arc<Mutex<State>>,
    encrypted: bool,
    login: Option<(String, String)>,
}

async fn serve(stream: TcpStream, manners: Manners, state: Arc<Mutex<State>>) {
    let plain = |stream| Talk {
        stream,
        manners: manners.clone(),
        state: Arc::clone(&state),
        encrypted: false,
        login: None,
    };
    if let Some(tls) = &manners.tls {
        let Ok(stream) = tls.accept(stream).await else { return };
        let talk = Talk {
            stream: BufReader::new(stream),
            manners: manners.clone(),
            state: Arc::clone(&state),
            encrypted: true,
            login: None,
        };
        talk.greet_and_go().await;
        return;
    }
    let Some(ready) = plain(BufReader::new(stream)).greet_and_go().await else { return };
    let tls = manners.start_tls.clone().unwrap();
    let Ok(stream) = tls.accept(ready).await else { return };
    let mut talk = Talk { stream: BufReader::new(stream), manners, state, encrypted: true, login: None };
    talk.go().await;
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    /// The line, when TLS is to begin on it.
    async fn greet_and_go(mut self) -> Option<S> {
        if let Then::End = self.act(Stage::Greeting, "220 mail.test ESMTP").await {
            return None;
        }
        self.go().await.then(|| self.stream.into_inner())
    }

    /// Whether TLS is to begin now.
    async fn go(&mut self) -> bool {
        let (mut from, mut to) = (String::new(), Vec::new());
        while let Some(line) = self.line().await {
            let upper = line.to_ascii_uppercase();
            let then = if upper.starts_with("EHLO") {
                self.extensions().await
            } else if upper == "STARTTLS" {
                self.say(&format!("220 go ahead\r\n{}", self.manners.injected)).await;
                return true;
            } else if let Some(response) = upper.starts_with("AUTH PLAIN ").then(|| &line[11..]) {
                self.sign_in(response).await
            } else if upper.starts_with("MAIL FROM:") {
                (from, to) = (between(&line), Vec::new());
                self.act(Stage::Mail, "250 OK").await
            } else if upper.starts_with("RCPT TO:") {
                to.push(between(&line));
                self.act(Stage::Rcpt, "250 OK").await
            } else if upper == "DATA" {
                match self.act(Stage::Data, "354 go on").await {
                    Then::GoOn => self.letter(&from, &to).await,
                    Then::End => Then::End,
                }
            } else if upper == "NOOP" {
                self.say("250 still here\r\n").await;
                Then::GoOn
            } else if upper == "QUIT" {
                self.say("221 bye\r\n").await;
                Then::End
            } else {
                self.say("502 what?\r\n").await;
                Then::GoOn
            };
            if let Then::End = then {
                return false;
            }
        }
        false
    }

    async fn extensions(&mut self) -> Then {
        let mut text = "250-mail.test\r\n250-8BITMIME\r\n".to_owned();
        if self.manners.start_tls.is_some() && !self.encrypted {
            text.push_str("250-STARTTLS\r\n");
        }
        if self.manners.login.is_some() {
            text.push_str("250-AUTH PLAIN\r\n");
        }
        self.say(&format!("{text}250 SIZE 1000000\r\n")).await;
        Then::GoOn
    }

    async fn sign_in(&mut self, response: &str) -> Then {
        let response = String::from_utf8(BASE64.decode(response.as_bytes()).unwrap()).unwrap();
        let mut parts = response.split('\0').skip(1).map(str::to_owned);
        let given = (parts.next().unwrap(), parts.next().unwrap());
        let (user, password) = self.manners.login.unwrap();
        if given == (user.to_owned(), password.to_owned()) {
            self.login = Some(given);
            self.say("235 welcome\r\n").await;
            return Then::GoOn;
        }
        self.say("535 5.7.8 who are you?\r\n").await;
        Then::End
    }

    async fn letter(&mut self, from: &str, to: &[String]) -> Then {
        let mut content = String::new();
        loop {
            let Some(line) = self.line().await else { return Then::End };
            if line == "." {
                break;
            }
            content.push_str(line.strip_prefix('.').unwrap_or(&line));
            content.push('\n');
        }
        let mishap = self.mishap(Stage::End);
        if matches!(mishap, None | Some(Act::TakeAndHangUp | Act::LeaveAfterwards)) {
            self.state.lock().unwrap().received.push(Received {
                from: from.to_owned(),
                to: to.to_vec(),
                content,
                encrypted: self.encrypted,
                login: self.login.clone(),
            });
        }
        self.do_it(mishap, "250 2.0.0 queued as 7").await
    }

    async fn act(&mut self, stage: Stage, ordinary: &str) -> Then {
        let mishap = self.mishap(stage);
        self.do_it(mishap, ordinary).await
    }

    async fn do_it(&mut self, mishap: Option<Act>, ordinary: &str) -> Then {
        match mishap {
            None => self.say(&format!("{ordinary}\r\n")).await,
            Some(Act::Say(said)) => {
                self.say(&format!("{said}\r\n")).await;
                if !said.starts_with('2') {
                    // The client says QUIT, or just goes.
                    while self.line().await.is_some_and(|line| line != "QUIT") {}
                    return Then::End;
                }
            }
            Some(Act::LeaveAfterwards) => {
                self.say(&format!("{ordinary}\r\n")).await;
                return Then::End;
            }
            Some(Act::Stall) => {
                // Until the client has had enough.
                while self.line().await.is_some() {}
                return Then::End;
            }
            Some(Act::HangUp | Act::TakeAndHangUp) => return Then::End,
            Some(Act::Chatter) => {
                let line = "250-again and again and again\r\n".repeat(1000);
                while self.stream.get_mut().write_all(line.as_bytes()).await.is_ok() {}
                return Then::End;
            }
        }
        Then::GoOn
    }

    /// What is to happen at a stage, once.
    fn mishap(&self, stage: Stage) -> Option<Act> {
        let mut state = self.state.lock().unwrap();
        let at = state.mishaps.iter().position(|(at, _)| *at == stage)?;
        Some(state.mishaps.remove(at).1)
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        // A client that is gone has nothing more to say.
        let read = self.stream.read_line(&mut line).await.unwrap_or_default();
        (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn say(&mut self, text: &str) {
        // A client that is gone needs no answer.
        if self.stream.get_mut().write_all(text.as_bytes()).await.is_ok() {
            drop(self.stream.get_mut().flush().await);
        }
    }
}

fn between(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0.to_owned()
}
