//! One run of a plugin: exchanges stanzas over its stdin and stdout, in age's plugin protocol.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use age_core::format::Stanza;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use docker_credential_helper::commands::Console;
use docker_credential_helper::subprocess::{self, Breakdown, Conversation, Limits};
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use crate::asking::prompt::{self, PATIENCE, Question};
use crate::settings;

/// A body is wrapped at this many columns, and ends with a line that is shorter.
const COLUMNS: usize = 64;

/// The time for a whole conversation without a person to touch or type anything.
const PATIENCE_WITHOUT_PERSON: Duration = Duration::from_secs(10);

/// Additional time for each opened file, because some keys need a touch for each.
const PATIENCE_FOR_FILE: Duration = Duration::from_secs(5);
const PATIENCE_FOR_FILE_WITHOUT_PERSON: Duration = Duration::from_secs(1);

/// The limits on a plugin's output: lines in a stanza, bytes in a line, and bytes in total. Post-quantum
/// stanzas have 2 KiB.
const LINES_MAX: usize = 1 << 12;
const LINE_MAX: usize = 1 << 12;
const BYTES_MAX: usize = 8 << 20;

/// The limit on a plugin's messages and questions.
const MESSAGES_MAX: usize = 256;

/// The limit on a plugin's error text, in characters.
const SAYING_MAX: usize = 200;

/// The files that were opened, by their index.
pub(super) struct Opened {
    pub(super) keys: BTreeMap<usize, Zeroizing<[u8; 16]>>,
    /// Why others were not opened.
    pub(super) problem: Option<Error>,
}

pub(super) struct Connection<'a> {
    plugin: &'a str,
    environment: &'a Environment,
    is_alone: bool,
    conversation: Conversation,
    /// The number of messages that it may still send.
    messages_left: usize,
}

impl<'a> Connection<'a> {
    pub(super) fn open(
        plugin: &'a str,
        state_machine: &str,
        environment: &'a Environment,
    ) -> Result<Self, Error> {
        let name = format!("age-plugin-{plugin}");
        let program = subprocess::find(&name, environment)?;
        let is_alone = settings::is_noninteractive(environment)?;
        environment.log(|| format!("running {} for {state_machine}", program.display()));
        let mut command = subprocess::command(&program, environment, |_| false);
        command
            .arg(format!("--age-plugin={state_machine}"))
            .current_dir(program.parent().unwrap_or(&program));
        let time = if is_alone {
            PATIENCE_WITHOUT_PERSON
        } else {
            PATIENCE
        };
        let limits = Limits {
            time,
            line: LINE_MAX,
            total: BYTES_MAX,
        };
        let conversation = Conversation::start(command, limits)
            .map_err(|breakdown| Error::unavailable(format!("{name} {breakdown}")))?;
        Ok(Self {
            plugin,
            environment,
            is_alone,
            conversation,
            messages_left: MESSAGES_MAX,
        })
    }

    /// The keys of the files that one of the identities opens. Each file is given as the stanzas of its
    /// header.
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
            keys: BTreeMap::new(),
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
                            let key = Zeroizing::new(key);
                            // Each file only once, because each adds to the time.
                            if opened.keys.insert(index, key).is_some() {
                                return Err(self.nonsense());
                            }
                            self.conversation.extend(if self.is_alone {
                                PATIENCE_FOR_FILE_WITHOUT_PERSON
                            } else {
                                PATIENCE_FOR_FILE
                            });
                            self.send("ok", &[], &[])?;
                        }
                        _ => return Err(self.nonsense()),
                    }
                }
                "error" => {
                    self.count_message()?;
                    opened.problem = Some(self.says(&stanza));
                    self.send("ok", &[], &[])?;
                }
                _ => self.answer(&stanza)?,
            }
        }
    }

    /// The stanzas that hold the key for each of the recipients, and the labels that restrict which recipients may
    /// share a file with them.
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
                    if stanzas.len() >= MESSAGES_MAX.max(4 * (recipients.len() + identities.len())) {
                        return Err(self.nonsense());
                    }
                    stanzas.push(stanza);
                    self.send("ok", &[], &[])?;
                }
                "labels" => {
                    self.count_message()?;
                    labels.extend(stanza.args);
                    self.send("ok", &[], &[])?;
                }
                "error" => {
                    self.count_message()?;
                    problem = Some(self.says(&stanza));
                    self.send("ok", &[], &[])?;
                }
                _ => self.answer(&stanza)?,
            }
        }
        match problem {
            Some(problem) => Err(problem),
            // Otherwise a recipient would be silently missing.
            None if stanzas.len() < recipients.len() + identities.len() => Err(self.nonsense()),
            None => Ok((stanzas, labels)),
        }
    }

    /// Messages that both state machines may send.
    fn answer(&mut self, stanza: &Stanza) -> Result<(), Error> {
        self.count_message()?;
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
                    is_named: true,
                    mistake: None,
                };
                let begin = Instant::now();
                // After an error reply, the plugin would only report that it got no answer.
                let secret = prompt::passphrase(question, "run it in a terminal", self.environment)?;
                self.conversation.extend(begin.elapsed());
                self.send("ok", &[], secret.as_bytes())
            }
            "confirm" | "request-public" => self.send("fail", &[], &[]),
            _ => self.send("unsupported", &[], &[]),
        }
    }

    fn count_message(&mut self) -> Result<(), Error> {
        self.messages_left = self
            .messages_left
            .checked_sub(1)
            .ok_or_else(|| self.broken(Breakdown::TooLong))?;
        Ok(())
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
        self.conversation
            .send(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
            .map_err(|breakdown| self.broken(breakdown))
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
        let mut line = self
            .conversation
            .line()
            .map_err(|breakdown| self.broken(breakdown))?;
        String::from_utf8(std::mem::take(&mut *line))
            .map(Zeroizing::new)
            .map_err(|_| self.nonsense())
    }

    fn name(&self) -> String {
        format!("age-plugin-{}", self.plugin)
    }

    fn says(&self, stanza: &Stanza) -> Error {
        Error::unavailable(format!("{} says: {}", self.name(), saying(&stanza.body)))
    }

    fn broken(&self, breakdown: Breakdown) -> Error {
        let name = self.name();
        match breakdown {
            Breakdown::Late => Error::locked(format!(
                "{name} doesn't answer in time; if it waits for a touch, try again and touch the key"
            )),
            Breakdown::Ended => Error::unavailable(format!(
                "{name} ended without an answer; run it to see whether it works"
            )),
            breakdown => Error::unavailable(format!("{name} {breakdown}; install a current version")),
        }
    }

    fn nonsense(&self) -> Error {
        Error::unavailable(format!(
            "{} violates age's plugin protocol; install a current version",
            self.name()
        ))
    }
}

/// A plugin's text for people.
fn saying(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().take(SAYING_MAX).collect();
    Console::plain(&text)
}
