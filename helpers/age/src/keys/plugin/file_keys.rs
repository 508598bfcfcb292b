//! The keys of files that plugins have opened, including those that the kernel keeps for the next process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use age::{DecryptError, Decryptor};
use age_core::format::{FileKey, Stanza};
use docker_credential_helper::{Environment, Error};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::connection::{Connection, Opened};
use super::{Identity, PluginError};
use crate::asking::kernel_keyring::{Boxes, Kind};
use crate::asking::prompt_lock::PromptLock;
use crate::keys::header::{self, Split};
use crate::settings;

/// The key of a file, and a hash of its wrapping.
type HeaderHash = [u8; 16];
type FileKeys = BTreeMap<HeaderHash, Zeroizing<[u8; 16]>>;

/// The kept data begins with its expiry, in seconds since 1970, because the kernel doesn't return that.
const END_LENGTH: usize = size_of::<u64>();

/// The identities of plugins, and the files that they have opened so far.
#[derive(Clone, Default)]
pub(crate) struct Plugins {
    identities: Vec<Identity>,
    opened: Rc<RefCell<FileKeys>>,
    /// Plugins that timed out, with the error; don't wait for them again.
    silent: Rc<RefCell<BTreeMap<String, String>>>,
    /// The boxes for the keys of the files, if not those of the identities.
    boxes: Option<Boxes>,
}

impl Plugins {
    pub(crate) fn push(&mut self, identity: Identity) {
        self.identities.push(identity);
    }

    /// Keeps the keys of files in the boxes of the file that seals these identities.
    pub(crate) fn keep_in(&mut self, boxes: Boxes) {
        self.boxes = Some(boxes);
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Identity> {
        self.identities.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }

    /// For a decryption: one for each plugin.
    pub(crate) fn unwrappers<'a>(&'a self, environment: &'a Environment) -> Vec<Box<dyn age::Identity + 'a>> {
        if self.is_empty() {
            return Vec::new();
        }
        vec![Box::new(Unwrapper {
            plugins: self,
            environment,
        })]
    }

    /// Opens all files in one run of each plugin, so that a person has to touch or type as little as the
    /// plugin allows. Reports a file that can't be opened when it is decrypted.
    pub(crate) fn open_files(&self, files: impl Iterator<Item = Vec<u8>>, environment: &Environment) {
        if self.is_empty() {
            return;
        }
        if let Err(error) = self.open_headers(&headers(files), None, environment) {
            environment.log(|| error.to_string());
        }
    }

    /// Opens all files and keeps their keys for `time`. Returns whether they are kept: the keyring may be
    /// missing or full.
    pub(crate) fn keep_open(
        &self,
        files: impl Iterator<Item = Vec<u8>>,
        time: Duration,
        environment: &Environment,
    ) -> Result<bool, Error> {
        self.open_headers(&headers(files), Some(time), environment)
    }

    /// The boxes for the keys of the files, which change with the identities.
    fn boxes(&self) -> Boxes {
        if let Some(boxes) = &self.boxes {
            return boxes.clone();
        }
        let mut text = Zeroizing::new(String::new());
        for identity in &self.identities {
            text.push_str(identity.text());
            text.push('\n');
        }
        Boxes::of(text.as_bytes())
    }

    /// Opens closed files, and keeps keys: those of all these files for `time`; without it, the newly opened
    /// ones for the time in the settings. Returns whether they are kept.
    fn open_headers(
        &self,
        headers: &[Vec<Stanza>],
        time: Option<Duration>,
        environment: &Environment,
    ) -> Result<bool, Error> {
        let time_of_setting = settings::unlock_time(environment)?;
        self.recall();
        // One of several processes asks; the others use its answer. None overwrites another's kept keys.
        let is_turn_needed = time.is_some() || self.closed(headers).next().is_some();
        let turn = is_turn_needed.then(|| PromptLock::take(environment));
        if turn.is_some() {
            self.recall();
        }
        let new = self.run(headers, environment)?;
        match (time, time_of_setting) {
            (Some(time), _) => {
                let all: Vec<HeaderHash> = headers.iter().map(|stanzas| hash(stanzas)).collect();
                Ok(self.keep(&all, time, None))
            }
            (None, Some(time)) if !new.is_empty() => {
                let kept = self.boxes().recall(Kind::Files);
                Ok(self.keep(&new, time, kept.as_deref().map(Vec::as_slice)))
            }
            _ => Ok(false),
        }
    }

    fn closed<'a>(&self, headers: &'a [Vec<Stanza>]) -> impl Iterator<Item = &'a [Stanza]> {
        headers
            .iter()
            .map(Vec::as_slice)
            .filter(|stanzas| !self.opened.borrow().contains_key(&hash(stanzas)))
    }

    /// Asks each plugin about the closed files, and returns the opened ones.
    ///
    /// Fails if none was opened and there is an error to report.
    fn run(&self, headers: &[Vec<Stanza>], environment: &Environment) -> Result<Vec<HeaderHash>, Error> {
        let mut new = Vec::new();
        let mut failure = None;
        for (plugin, identities) in by_plugin(&self.identities) {
            let closed: Vec<&[Stanza]> = self.closed(headers).collect();
            if closed.is_empty() {
                break;
            }
            if let Some(problem) = self.silent.borrow().get(plugin) {
                failure.get_or_insert_with(|| Error::locked(problem.clone()));
                continue;
            }
            let texts: Vec<&str> = identities.iter().map(|identity| identity.text()).collect();
            let connection = match Connection::open(plugin, "identity-v1", environment) {
                Ok(connection) => connection,
                // The next one may open it. An error of a plugin that runs is more useful.
                Err(error) => {
                    failure.get_or_insert(error);
                    continue;
                }
            };
            let Opened { keys, problem } = match connection.unwrap_file_keys(&texts, &closed) {
                Ok(opened) => opened,
                Err(error) => {
                    if let Error::Locked(_) = error {
                        self.silent
                            .borrow_mut()
                            .insert(plugin.to_owned(), error.to_string());
                    }
                    failure = Some(error);
                    continue;
                }
            };
            failure = problem.or(failure);
            for (index, key) in keys {
                let header = hash(closed[index]);
                self.opened.borrow_mut().insert(header, key);
                new.push(header);
            }
        }
        match failure {
            Some(failure) if new.is_empty() => Err(failure),
            _ => Ok(new),
        }
    }

    fn recall(&self) {
        let Some(content) = self.boxes().recall(Kind::Files) else {
            return;
        };
        let Some((_, records)) = content.split_first_chunk::<END_LENGTH>() else {
            return;
        };
        let mut opened = self.opened.borrow_mut();
        for record in records.as_chunks::<32>().0 {
            let (header, key) = record.split_at(16);
            if let (Ok(header), Ok(key)) = (header.try_into(), key.try_into()) {
                opened.insert(header, Zeroizing::new(key));
            }
        }
    }

    /// Keeps the keys of the open ones of these files, for `time`. Returns whether it worked.
    ///
    /// `kept` are the already kept keys. All keys keep their expiry: opening one more file must neither
    /// shorten an `unlock` of hours nor extend the minute of others.
    fn keep(&self, headers: &[HeaderHash], time: Duration, kept: Option<&[u8]>) -> bool {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let (end, others) = match kept.and_then(<[u8]>::split_first_chunk) {
            Some((end, records)) => (u64::from_be_bytes(*end), records),
            None => (now + time.as_secs(), &[][..]),
        };
        let mut content = Zeroizing::new(Vec::with_capacity(END_LENGTH + others.len() + headers.len() * 32));
        content.extend_from_slice(&end.to_be_bytes());
        content.extend_from_slice(others);
        let opened = self.opened.borrow();
        for header in headers {
            if let Some(key) = opened.get(header) {
                content.extend_from_slice(header);
                content.extend_from_slice(&key[..]);
            }
        }
        let left = end.saturating_sub(now).min(settings::UNLOCK_SECONDS_MAX);
        // If no file is open, all of them are already kept.
        content.len() == END_LENGTH
            || self
                .boxes()
                .keep(Kind::Files, &content, Duration::from_secs(left))
    }
}

/// The content of all readable headers.
fn headers(files: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<Stanza>> {
    files
        .filter_map(|file| {
            let binary = header::binary(&file).ok()?;
            let decryptor = Decryptor::new_buffered(Split::of(&binary)?.reader()).ok()?;
            let recorder = Recorder::default();
            let _ = decryptor.decrypt(std::iter::once(&recorder as &dyn age::Identity));
            Some(recorder.0.into_inner())
        })
        .collect()
}

/// An identity that doesn't open anything and records the requested stanzas.
#[derive(Default)]
struct Recorder(RefCell<Vec<Stanza>>);

impl age::Identity for Recorder {
    fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        None
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        self.0.replace(stanzas.iter().map(copy).collect());
        None
    }
}

fn copy(stanza: &Stanza) -> Stanza {
    Stanza {
        tag: stanza.tag.clone(),
        args: stanza.args.clone(),
        body: stanza.body.clone(),
    }
}

fn hash(stanzas: &[Stanza]) -> HeaderHash {
    let mut hash = Sha256::new();
    for stanza in stanzas {
        // Words of a stanza don't contain line breaks, and a length ends its body.
        for word in std::iter::once(&stanza.tag).chain(&stanza.args) {
            hash.update(word);
            hash.update(b"\n");
        }
        hash.update(b"\n");
        hash.update(stanza.body.len().to_be_bytes());
        hash.update(&stanza.body);
    }
    let mut short = HeaderHash::default();
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}

fn by_plugin(identities: &[Identity]) -> BTreeMap<&str, Vec<&Identity>> {
    let mut groups: BTreeMap<&str, Vec<&Identity>> = BTreeMap::new();
    for identity in identities {
        groups.entry(identity.plugin()).or_default().push(identity);
    }
    groups
}

/// The identities of all plugins, as one identity for the age crate.
struct Unwrapper<'a> {
    plugins: &'a Plugins,
    environment: &'a Environment,
}

impl age::Identity for Unwrapper<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        let header = hash(stanzas);
        let find = || {
            let opened = self.plugins.opened.borrow();
            opened
                .get(&header)
                .map(|key| FileKey::init_with_mut(|file_key| file_key.copy_from_slice(&key[..])))
        };
        if let Some(key) = find() {
            return Some(Ok(key));
        }
        let all = [stanzas.iter().map(copy).collect()];
        match self.plugins.open_headers(&all, None, self.environment) {
            Ok(_) => find().map(Ok),
            Err(error) => Some(Err(DecryptError::Io(PluginError::wrap(error)))),
        }
    }
}
