//! One run of a plugin: stanzas over its stdin and stdout, as age's plugin protocol has them.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use age_core::format::Stanza;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use docker_credential_helper::commands::Console;
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use crate::asking::prompt::{self, PATIENCE, Question};
use crate::{child, settings};

/// A body is wrapped at this many columns, and ends with a line that is shorter.
const COLUMNS: usize = 64;

/// How long a plugin may be silent where nobody is there to touch or type anything.
const PATIENCE_WITHOUT_PERSON: Duration = Duration::from_secs(10);

/// What a plugin may send in one stanza, in lines and bytes of a line. Post-quantum stanzas have 2 KiB.
const LINES_MAX: usize = 1 << 12;
const LINE_MAX: u64 = 1 << 12;

/// What a plugin may say in an error, in characters.
const SAYING_MAX: usize = 200;

/// The files that were opened, by their index.
pub(super) struct Opened {
    pub(super) keys: Vec<(usize, Zeroizing<[u8; 16]>)>,
    /// Why others were not.
    pub(super) problem: Option<Error>,
}

pub(super) struct Connection<'a> {
    plugin: &'a str,
    environment: &'a Environment,
    patience: Duration,
    child: Child,
    requests: Sender<Zeroizing<String>>,
    replies: Receiver<Zeroizing<String>>,
}

impl<'a> Connection<'a> {
    pub(super) fn open(
        plugin: &'a str,
        state_machine: &str,
        environment: &'a Environment,
    ) -> Result<Self, Error> {
        let name = format!("age-plugin-{plugin}");
        let program = child::find(&name, environment).ok_or_else(|| {
            Error::Unavailable(
                format!(
                    "{name} is needed and not found in the directories of PATH that are yours or root's and not open to everybody; install it"
                )
                .into(),
            )
        })?;
        let is_alone = settings::is_noninteractive(environment)?;
        environment.log(|| format!("running {} for {state_machine}", program.display()));
        let mut child = child::command(&program, environment)
            .arg(format!("--age-plugin={state_machine}"))
            .current_dir(program.parent().unwrap_or(&program))
            .spawn()
            .map_err(Error::file("run", &program))?;
        let (Some(requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::Unavailable(format!("{name} cannot be talked to").into()));
        };
        Ok(Self {
            plugin,
            environment,
            patience: if is_alone {
                PATIENCE_WITHOUT_PERSON
            } else {
                PATIENCE
            },
            child,
            requests: written_in_background(requests),
            replies: read_in_background(replies),
        })
    }

    /// The keys of those of the files, each given by the stanzas of its header, that one of the identities opens.
    pub(super) fn unwrap_file_keys(
        mut self,
        identities: &[&str],
        files: &[&[Stanza]],
    ) -> Result<Opened, Error> {
        for identity in identities {
            self.send("add-identity", &[identity], &[])?;
        }
        for (index, stanzas) in files.iter().enumerate() {
            let index = index.to_string();
            for stanza in *stanzas {
                let mut words = vec![index.as_str(), &stanza.tag];
                words.extend(stanza.args.iter().map(String::as_str));
                self.send("recipient-stanza", &words, &stanza.body)?;
            }
        }
        self.send("done", &[], &[])?;

        let mut opened = Opened {
            keys: Vec::new(),
            problem: None,
        };
        loop {
            let stanza = self.receive()?;
            match stanza.tag.as_str() {
                "done" => return Ok(opened),
                "file-key" => {
                    let index = stanza.args.first().and_then(|index| index.parse::<usize>().ok());
                    let key = <[u8; 16]>::try_from(stanza.body.as_slice());
                    match (index, key) {
                        (Some(index), Ok(key)) if index < files.len() => {
                            opened.keys.push((index, Zeroizing::new(key)));
                            self.send("ok", &[], &[])?;
                        }
                        _ => return Err(self.nonsense()),
                    }
                }
                "error" => {
                    opened.problem = Some(self.says(&stanza));
                    self.send("ok", &[], &[])?;
                }
                _ => self.answer(&stanza)?,
            }
        }
    }

    /// The stanzas that hold the key for each of the recipients, and the labels that restrict with whom they may
    /// stand in one file.
    pub(super) fn wrap_file_key(
        mut self,
        recipients: &[&str],
        identities: &[&str],
        file_key: &[u8; 16],
    ) -> Result<(Vec<Stanza>, HashSet<String>), Error> {
        for recipient in recipients {
            self.send("add-recipient", &[recipient], &[])?;
        }
        for identity in identities {
            self.send("add-identity", &[identity], &[])?;
        }
        self.send("extension-labels", &[], &[])?;
        self.send("wrap-file-key", &[], file_key)?;
        self.send("done", &[], &[])?;

        let mut stanzas = Vec::new();
        let mut labels = HashSet::new();
        let mut problem = None;
        loop {
            let mut stanza = self.receive()?;
            match stanza.tag.as_str() {
                "done" => break,
                "recipient-stanza" => {
                    if stanza.args.len() < 2 || stanza.args.remove(0) != "0" {
                        return Err(self.nonsense());
                    }
                    stanza.tag = stanza.args.remove(0);
                    stanzas.push(stanza);
                    self.send("ok", &[], &[])?;
                }
                "labels" => {
                    labels.extend(stanza.args);
                    self.send("ok", &[], &[])?;
                }
                "error" => {
                    problem = Some(self.says(&stanza));
                    self.send("ok", &[], &[])?;
                }
                _ => self.answer(&stanza)?,
            }
        }
        match problem {
            Some(problem) => Err(problem),
            // Otherwise somebody would be left out in silence.
            None if stanzas.len() < recipients.len() + identities.len() => Err(self.nonsense()),
            None => Ok((stanzas, labels)),
        }
    }

    /// What both state machines may ask on the way.
    fn answer(&mut self, stanza: &Stanza) -> Result<(), Error> {
        let text = saying(&stanza.body);
        match stanza.tag.as_str() {
            "msg" => {
                if !settings::is_noninteractive(self.environment)? {
                    prompt::tell(&format!("{}: {text}", self.name()));
                }
                self.send("ok", &[], &[])
            }
            "request-secret" => {
                let question = Question {
                    description: &format!("{}: {text}", self.name()),
                    prompt: "Secret",
                    mistake: None,
                };
                match prompt::passphrase(question, "run it in a terminal", self.environment) {
                    Ok(secret) => self.send("ok", &[], secret.as_bytes()),
                    // The plugin would only say that it was told nothing.
                    Err(error) => Err(error),
                }
            }
            "confirm" | "request-public" => self.send("fail", &[], &[]),
            _ => self.send("unsupported", &[], &[]),
        }
    }

    fn send(&mut self, command: &str, words: &[&str], body: &[u8]) -> Result<(), Error> {
        let mut text = Zeroizing::new(String::with_capacity(256 + body.len() * 2));
        text.push_str("-> ");
        text.push_str(command);
        for word in words {
            text.push(' ');
            text.push_str(word);
        }
        text.push('\n');
        let encoded = Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(body));
        let mut rest = encoded.as_str();
        while rest.len() >= COLUMNS {
            let (line, after) = rest.split_at(COLUMNS);
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str(rest);
        text.push('\n');
        self.requests.send(text).map_err(|_| self.died())
    }

    fn receive(&mut self) -> Result<Stanza, Error> {
        let head = self.line()?;
        let mut words = head
            .strip_prefix("-> ")
            .ok_or_else(|| self.nonsense())?
            .split(' ')
            .map(str::to_owned);
        let tag = words.next().unwrap_or_default();
        let args: Vec<String> = words.collect();
        if tag.is_empty() || args.iter().any(String::is_empty) {
            return Err(self.nonsense());
        }
        let mut encoded = Zeroizing::new(String::new());
        for _ in 0..LINES_MAX {
            let line = self.line()?;
            encoded.push_str(&line);
            if line.len() < COLUMNS {
                let body = BASE64_STANDARD_NO_PAD
                    .decode(encoded.as_bytes())
                    .map_err(|_| self.nonsense())?;
                return Ok(Stanza { tag, args, body });
            }
        }
        Err(self.nonsense())
    }

    fn line(&mut self) -> Result<Zeroizing<String>, Error> {
        match self.replies.recv_timeout(self.patience) {
            Ok(line) => Ok(line),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Error::Locked(
                format!(
                    "{} has said nothing for {} s; if it waits for a touch, try again and touch the key",
                    self.name(),
                    self.patience.as_secs()
                )
                .into(),
            )),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(self.died()),
        }
    }

    fn name(&self) -> String {
        format!("age-plugin-{}", self.plugin)
    }

    fn says(&self, stanza: &Stanza) -> Error {
        Error::Unavailable(format!("{} says: {}", self.name(), saying(&stanza.body)).into())
    }

    fn died(&self) -> Error {
        Error::Unavailable(
            format!(
                "{} ended without an answer; run it to see whether it works",
                self.name()
            )
            .into(),
        )
    }

    fn nonsense(&self) -> Error {
        Error::Unavailable(
            format!(
                "{} does not keep to age's plugin protocol; install a current version",
                self.name()
            )
            .into(),
        )
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        // A plugin that was not asked to end, or does not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a plugin says to people.
fn saying(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().take(SAYING_MAX).collect();
    Console::plain(&text)
}

/// A pipe cannot be read with a deadline, a channel can.
fn read_in_background(replies: ChildStdout) -> Receiver<Zeroizing<String>> {
    let (sender, receiver) = mpsc::sync_channel(LINES_MAX);
    std::thread::spawn(move || {
        let mut replies = BufReader::new(replies);
        loop {
            let mut line = Zeroizing::new(String::with_capacity(128));
            match replies.by_ref().take(LINE_MAX).read_line(&mut line) {
                Ok(count) if count > 0 && line.ends_with('\n') => line.pop(),
                _ => return,
            };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Nor can a pipe be written with a deadline, and a plugin that reads nothing would hold up for ever who writes more than
/// it takes. This way it is the reply that does not come in time; the plugin's end then ends the writing.
fn written_in_background(mut requests: ChildStdin) -> Sender<Zeroizing<String>> {
    let (sender, receiver) = mpsc::channel::<Zeroizing<String>>();
    std::thread::spawn(move || {
        for text in receiver {
            if requests.write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    });
    sender
}
