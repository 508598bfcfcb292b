//! A Secret Service that misbehaves on demand: prompts with every result, answers of the wrong type, an end
//! in the middle of a call.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::StreamExt as _;
use zbus::message::{Header, Type};
use zbus::{Connection, Message, MessageStream, ObjectPath, OwnedObjectPath, OwnedVariant, Variant};

use crate::keyrings::agreement::{ALGORITHM, Key, agree};
use crate::keyrings::bus::{PrivateBus, SECRETS};

const ROOT: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/mock";
/// Another collection, which is always locked.
const SECOND: &str = "/org/freedesktop/secrets/collection/second";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/1";
const NONE: &str = "/";
const END: &str = "End";

/// The attributes of an item.
pub type Attributes = HashMap<String, String>;
type WireSecret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// The result of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// The right password is typed, after a while.
    Answered,
    /// It is dismissed.
    Dismissed,
    /// The service loses its name while it shows the prompt.
    Vanishes,
    /// It cannot be shown.
    Refused,
    /// Nothing happens.
    Ignored,
}

/// The fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service ends before it answers, and another replaces it.
    Ends,
    /// The answer is a string instead of the specification's type.
    WrongType,
    /// The answer is this error.
    Error(&'static str),
    /// The answer is the path for "no object".
    NoObject,
    /// The answer is an empty list of objects.
    NoObjects,
    /// The answer is a prompt, which is then dismissed.
    Refused,
    /// The answer is an empty secret.
    Empty,
    /// The answer is an empty secret, because another item has replaced this one.
    EmptyAsReplaced,
    /// The answer is an empty secret, because the collection was locked. A prompt unlocks it.
    EmptyAsLocked,
    /// The new item replaces the first one, under the same path.
    InPlace,
    /// The answer is carol's secret, whose login has replaced the item under the same path.
    Reused,
    /// The answer is an error, because the object is gone.
    FailsAsGone,
    /// The answer is an error, because the collection was locked. A prompt unlocks it.
    FailsAsLocked,
    /// The answer waits for a person, as in a search of a locked `KeePassXC`. The person acts after a request
    /// for the service's collections, or never.
    Held { for_good: bool },
}

/// The behaviour of the service.
#[derive(Debug, Default)]
pub struct Script {
    /// The faults of calls of this method, and their number.
    pub fault: Option<(&'static str, Fault, usize)>,
    /// The result of a prompt. Without it, the service is unlocked.
    pub prompt: Option<Prompt>,
    /// Whether locked items are hidden, as in a gnome-keyring that started locked.
    pub hides: bool,
    /// Whether single items are locked, and not their collection.
    pub locks_items: bool,
    /// The delay of each answer.
    pub delay: Duration,
    /// The encryption of sessions. Without it, the service only offers plain ones.
    pub agreement: Option<Agreement>,
    /// A second collection that is always locked.
    pub second: Option<Second>,
    /// The program's own name on the bus.
    pub program: Option<&'static str>,
    /// Whether it drops the characters that `KWallet` drops.
    pub alters: bool,
}

impl Script {
    /// Only a fault of so many calls of one method.
    pub fn fault(method: &'static str, fault: Fault, times: usize) -> Self {
        Self {
            fault: Some((method, fault, times)),
            ..Self::default()
        }
    }
}

/// The key agreement of a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Agreement {
    /// The number of sessions whose shared number begins with zero.
    pub zeros: usize,
    /// Whether it omits those zeros and adds one to its public key, as `KWallet` before 6.25 does.
    pub is_kwallet: bool,
}

/// The visible items of a second, locked collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// Items that a search for docker's doesn't find.
    OtherItems,
    /// Items, one of which a search for docker's finds, without its attributes.
    HiddenItem,
    /// No items, as a locked `KeePassXC` database.
    Nothing,
}

#[derive(Default)]
struct State {
    script: Script,
    is_locked: bool,
    items: Vec<(OwnedObjectPath, Attributes, Vec<u8>)>,
    locked_items: HashSet<OwnedObjectPath>,
    ghosts: HashSet<OwnedObjectPath>,
    sessions: HashMap<OwnedObjectPath, Option<Key>>,
    created: usize,
    creates_in_place: bool,
    calls: Vec<String>,
    callers: HashSet<String>,
    /// Calls that would make gnome-keyring 50 abort.
    offences: Vec<String>,
}

/// A running mock; dropping it ends it.
pub struct Mock {
    state: Arc<Mutex<State>>,
    control: Connection,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock")
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

impl Mock {
    /// Starts an empty service.
    pub fn start(bus: &PrivateBus, script: Script) -> Self {
        // Both request the name: when the first leaves the bus, the second gets it without a gap.
        let connections = [(); 2].map(|()| Incarnation::connect(bus, script.program));
        let state = Arc::new(Mutex::new(State {
            is_locked: script.prompt.is_some() && !script.locks_items,
            script,
            ..State::default()
        }));
        let thread = thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for incarnation in connections {
                    if zbus::block_on(incarnation.serve(&state)) == Next::End {
                        return;
                    }
                }
            }
        });
        Self {
            state,
            control: bus.connect(),
            thread: Some(thread),
        }
    }

    /// Adds one of docker's items.
    pub fn add(&self, server: &str, username: &str, secret: &[u8]) {
        let attributes = [
            ("xdg:schema", "io.docker.Credentials"),
            ("label", "Docker Credentials"),
            ("docker_cli", "1"),
            ("server", server),
            ("username", username),
        ];
        let attributes = attributes
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        self.add_item(attributes, secret);
    }

    /// Adds an item with these attributes.
    pub fn add_item(&self, attributes: Attributes, secret: &[u8]) {
        let mut state = self.state();
        let path = state.add(attributes, secret.to_vec());
        if state.script.locks_items {
            state.locked_items.insert(path);
        }
    }

    /// Adds an item that searches find but that doesn't exist.
    pub fn add_ghost(&self, server: &str) {
        self.add(server, "ghost", b"");
        let mut state = self.state();
        let (path, ..) = state.items.last().expect("it was added").clone();
        state.ghosts.insert(path);
    }

    /// The secrets of its items.
    pub fn secrets(&self) -> Vec<Vec<u8>> {
        let state = self.state();
        state.items.iter().map(|(.., secret)| secret.clone()).collect()
    }

    /// The called methods, in order, or the names of properties.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// The user names of its items.
    pub fn usernames(&self) -> Vec<String> {
        let state = self.state();
        state
            .items
            .iter()
            .map(|(_, attributes, _)| attributes["username"].clone())
            .collect()
    }

    /// The calls that would have made gnome-keyring 50 abort.
    pub fn offences(&self) -> Vec<String> {
        self.state().offences.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the mock has not panicked")
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let end = self
            .control
            .call_method(Some(SECRETS), ROOT, Some(SECRETS), END, &());
        // It may have ended itself, as its script demands.
        let _ = zbus::block_on(end);
        if let Some(thread) = self.thread.take() {
            assert!(
                thread.join().is_ok() || thread::panicking(),
                "the mock has not panicked"
            );
        }
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    /// The next instance takes over.
    Reborn,
    End,
}

/// One connection that owns the service's name, or waits for it.
struct Incarnation {
    connection: Connection,
    messages: MessageStream,
    /// The answer after a person has acted.
    held: RefCell<Vec<Message>>,
}

impl Incarnation {
    fn connect(bus: &PrivateBus, program: Option<&str>) -> Self {
        let connection = bus.connect();
        let messages = MessageStream::from(&connection);
        let bus = "org.freedesktop.DBus";
        for name in [Some(SECRETS), program].into_iter().flatten() {
            let arguments = (name, 0_u32);
            let request = connection.call_method(
                Some(bus),
                "/org/freedesktop/DBus",
                Some(bus),
                "RequestName",
                &arguments,
            );
            zbus::block_on(request).expect("the name can be asked for");
        }
        Self {
            connection,
            messages,
            held: RefCell::default(),
        }
    }

    async fn serve(mut self, state: &Mutex<State>) -> Next {
        while let Some(Ok(message)) = self.messages.next().await {
            if message.message_type() != Type::MethodCall {
                continue;
            }
            match self.answer(&message, state).await {
                Ok(None) => {}
                Ok(Some(next)) => {
                    drop(self.messages);
                    let _ = self.connection.close().await;
                    return next;
                }
                Err(error) => panic!("the mock cannot answer {message:?}: {error}"),
            }
        }
        Next::End
    }

    async fn answer(&self, message: &Message, state: &Mutex<State>) -> zbus::Result<Option<Next>> {
        let header = message.header();
        let call = Call::of(message, &header)?;
        if call.method == END {
            self.connection.reply(&header, &()).await?;
            return Ok(Some(Next::End));
        }
        let (fault, delay) = {
            let mut state = state.lock().expect("one thread answers");
            (state.note(&call), state.script.delay)
        };
        if !delay.is_zero() {
            thread::sleep(delay);
            if !self.is_connected(&call.sender).await? {
                let offence = format!("hung up before {} was answered", call.method);
                state.lock().expect("one thread answers").offences.push(offence);
                return Ok(None);
            }
        }
        match fault {
            Some(Fault::Ends) => return Ok(Some(Next::Reborn)),
            Some(Fault::WrongType) => {
                self.connection.reply(&header, &("a string",)).await?;
                return Ok(None);
            }
            Some(Fault::Error(name)) => {
                self.connection
                    .reply_error(&header, name, &("for the test",))
                    .await?;
                return Ok(None);
            }
            Some(Fault::NoObject) => {
                let none = ObjectPath::from_static_str_unchecked(NONE);
                if call.method == "CreateItem" {
                    self.connection.reply(&header, &(&none, &none)).await?;
                } else {
                    self.connection.reply(&header, &none).await?;
                }
                return Ok(None);
            }
            Some(Fault::NoObjects) => {
                let none = Variant::from(Vec::<ObjectPath<'_>>::new());
                self.connection.reply(&header, &(none,)).await?;
                return Ok(None);
            }
            Some(Fault::Refused) => {
                state.lock().expect("one thread answers").script.prompt = Some(Prompt::Dismissed);
                let prompt = ObjectPath::from_static_str_unchecked(PROMPT);
                self.connection.reply(&header, &prompt).await?;
                return Ok(None);
            }
            Some(empty @ (Fault::Empty | Fault::EmptyAsReplaced | Fault::EmptyAsLocked)) => {
                let (session,): (OwnedObjectPath,) = message.body().deserialize()?;
                let wire = {
                    let mut state = state.lock().expect("one thread answers");
                    state.be_as(empty, &call.path);
                    state.wire(session, b"")
                };
                self.connection.reply(&header, &(wire,)).await?;
                return Ok(None);
            }
            Some(Fault::Reused) => state.lock().expect("one thread answers").reuse(&call.path),
            Some(Fault::FailsAsGone) => {
                state.lock().expect("one thread answers").remove(&call.path);
                let name = "org.freedesktop.DBus.Error.Failed";
                self.connection.reply_error(&header, name, &("gone",)).await?;
                return Ok(None);
            }
            Some(Fault::FailsAsLocked) => {
                state.lock().expect("one thread answers").lock();
                let name = "org.freedesktop.Secret.Error.IsLocked";
                self.connection.reply_error(&header, name, &("locked",)).await?;
                return Ok(None);
            }
            Some(Fault::InPlace) => state.lock().expect("one thread answers").creates_in_place = true,
            Some(Fault::Held { .. }) => {
                self.held.borrow_mut().push(message.clone());
                return Ok(None);
            }
            None => {}
        }
        let next = self.answer_well(&call, &header, state).await?;
        if call.method == "Collections" && !state.lock().expect("one thread answers").holds_for_good() {
            let held = self.held.take();
            for message in &held {
                let header = message.header();
                let call = Call::of(message, &header)?;
                self.answer_well(&call, &header, state).await?;
            }
        }
        Ok(next)
    }

    async fn answer_well(
        &self,
        call: &Call<'_>,
        header: &Header<'_>,
        state: &Mutex<State>,
    ) -> zbus::Result<Option<Next>> {
        let body = call.message.body();
        let reply = &self.connection;
        let path = |text: &'static str| ObjectPath::from_static_str_unchecked(text);
        match call.method.as_str() {
            "SearchItems" => {
                let (wanted,): (Attributes,) = body.deserialize()?;
                let answer: (Vec<_>, Vec<_>) = {
                    let state = state.lock().expect("one thread answers");
                    let hidden = state.is_locked && state.script.hides;
                    let mut found = if hidden { Vec::new() } else { state.search(&wanted) };
                    let is_by_mark = wanted.keys().eq(["docker_cli"]);
                    if is_by_mark && state.script.second == Some(Second::HiddenItem) {
                        found.push(second_item());
                    }
                    found.into_iter().partition(|path| {
                        !state.is_locked && !state.locked_items.contains(path) && *path != second_item()
                    })
                };
                reply.reply(header, &answer).await?;
            }
            "Collections" | "Items" | "Locked" | "Attributes" | "Modified" => {
                let value = state.lock().expect("one thread answers").property(call);
                reply.reply(header, &value).await?;
            }
            "ReadAlias" => reply.reply(header, &path(COLLECTION)).await?,
            "OpenSession" => {
                let (algorithm, input): (String, OwnedVariant) = body.deserialize()?;
                let opened = state
                    .lock()
                    .expect("one thread answers")
                    .open_session(&algorithm, input)?;
                if let Some((output, session)) = opened {
                    reply.reply(header, &(output, session)).await?;
                } else {
                    let name = "org.freedesktop.DBus.Error.NotSupported";
                    let words = ("libqca-ossl is missing",);
                    reply.reply_error(header, name, &words).await?;
                }
            }
            "GetSecret" => {
                let (session,): (OwnedObjectPath,) = body.deserialize()?;
                let wire = {
                    let state = state.lock().expect("one thread answers");
                    let secret = state.item(&call.path).2;
                    state.wire(session, &secret)
                };
                reply.reply(header, &(wire,)).await?;
            }
            "CreateItem" => {
                let (mut properties, secret, _): (HashMap<String, OwnedVariant>, WireSecret, bool) =
                    body.deserialize()?;
                let attributes = properties
                    .remove("org.freedesktop.Secret.Item.Attributes")
                    .expect("a new item has attributes");
                let attributes = Attributes::try_from(attributes)?;
                let created = state
                    .lock()
                    .expect("one thread answers")
                    .create(attributes, &secret);
                match created {
                    Ok(created) => reply.reply(header, &(created, path(NONE))).await?,
                    Err(words) => {
                        let name = "org.freedesktop.DBus.Error.InvalidArgs";
                        reply.reply_error(header, name, &(words,)).await?;
                    }
                }
            }
            "Delete"
                if state
                    .lock()
                    .expect("one thread answers")
                    .is_item_locked(&call.path) =>
            {
                let name = "org.freedesktop.Secret.Error.IsLocked";
                reply.reply_error(header, name, &("locked",)).await?;
            }
            "Delete" => {
                state.lock().expect("one thread answers").remove(&call.path);
                reply.reply(header, &path(NONE)).await?;
            }
            "Unlock" => {
                reply
                    .reply(header, &(Vec::<ObjectPath<'_>>::new(), path(PROMPT)))
                    .await?;
            }
            "Prompt" => return self.prompt(header, state).await,
            "Dismiss" => reply.reply(header, &()).await?,
            other => panic!("the mock does not know {other}"),
        }
        Ok(None)
    }

    async fn prompt(&self, header: &Header<'_>, state: &Mutex<State>) -> zbus::Result<Option<Next>> {
        let prompt = state.lock().expect("one thread answers").script.prompt;
        if prompt == Some(Prompt::Refused) {
            let name = "org.freedesktop.DBus.Error.Failed";
            self.connection.reply_error(header, name, &("no screen",)).await?;
            return Ok(None);
        }
        self.connection.reply(header, &()).await?;
        match prompt {
            Some(Prompt::Answered) => {
                thread::sleep(Duration::from_millis(300));
                {
                    let mut state = state.lock().expect("one thread answers");
                    state.is_locked = false;
                    state.locked_items.clear();
                }
                self.complete(false).await?;
            }
            Some(Prompt::Dismissed) => self.complete(true).await?,
            Some(Prompt::Vanishes) => return Ok(Some(Next::End)),
            Some(Prompt::Ignored | Prompt::Refused) | None => {}
        }
        Ok(None)
    }

    async fn complete(&self, dismissed: bool) -> zbus::Result<()> {
        let result = Variant::from("");
        self.connection
            .emit_signal(
                None::<&str>,
                PROMPT,
                "org.freedesktop.Secret.Prompt",
                "Completed",
                &(dismissed, result),
            )
            .await
    }

    async fn is_connected(&self, name: &str) -> zbus::Result<bool> {
        let bus = "org.freedesktop.DBus";
        let answer = self
            .connection
            .call_method(
                Some(bus),
                "/org/freedesktop/DBus",
                Some(bus),
                "NameHasOwner",
                &(name,),
            )
            .await?;
        answer.body().deserialize()
    }
}

struct Call<'a> {
    message: &'a Message,
    sender: String,
    path: String,
    /// The name of a property.
    method: String,
}

impl<'a> Call<'a> {
    fn of(message: &'a Message, header: &Header<'_>) -> zbus::Result<Self> {
        let mut method = header.member().expect("a call has a member").to_string();
        if method == "Get" {
            let (_, property): (String, String) = message.body().deserialize()?;
            method = property;
        }
        Ok(Self {
            message,
            sender: header.sender().expect("the bus names the sender").to_string(),
            path: header.path().expect("a call has a path").to_string(),
            method,
        })
    }
}

/// An item of the second collection.
fn second_item() -> OwnedObjectPath {
    OwnedObjectPath::try_from(format!("{SECOND}/1")).expect("a path")
}

impl State {
    fn note(&mut self, call: &Call<'_>) -> Option<Fault> {
        self.calls.push(call.method.clone());
        if self.callers.insert(call.sender.clone()) && call.method == "OpenSession" {
            self.offences.push("OpenSession was the first call".to_owned());
        }
        if self.ghosts.iter().any(|ghost| ghost.as_str() == call.path) {
            return Some(Fault::Error("org.freedesktop.DBus.Error.UnknownMethod"));
        }
        match &mut self.script.fault {
            Some((method, fault, left)) if *method == call.method && *left > 0 => {
                *left -= 1;
                Some(*fault)
            }
            _ => None,
        }
    }

    fn property(&self, call: &Call<'_>) -> Variant<'static> {
        match call.method.as_str() {
            "Collections" => {
                let mut collections = vec![ObjectPath::from_static_str_unchecked(COLLECTION)];
                if self.script.second.is_some() {
                    collections.push(ObjectPath::from_static_str_unchecked(SECOND));
                }
                Variant::from(collections)
            }
            "Items" => Variant::from(self.shown_items(&call.path)),
            "Locked" => Variant::from(self.is_locked_at(&call.path)),
            "Attributes" => Variant::from(self.item(&call.path).1),
            "Modified" => Variant::from(self.age(&call.path)),
            other => panic!("the mock has no property {other}"),
        }
    }

    /// The value and the path of a new session; nothing if the service has no such algorithm.
    fn open_session(
        &mut self,
        algorithm: &str,
        input: OwnedVariant,
    ) -> zbus::Result<Option<(Variant<'static>, OwnedObjectPath)>> {
        let path = format!("/org/freedesktop/secrets/session/{}", self.sessions.len());
        let path = OwnedObjectPath::try_from(path).expect("a path");
        let (output, key) = match &mut self.script.agreement {
            Some(agreement) if algorithm == ALGORITHM => {
                let shares_zero = agreement.zeros > 0;
                agreement.zeros = agreement.zeros.saturating_sub(1);
                let client = Vec::try_from(input)?;
                let (public, key) = agree(&client, shares_zero, agreement.is_kwallet);
                (Variant::from(public), Some(key))
            }
            _ if algorithm == "plain" => (Variant::from(""), None),
            _ => return Ok(None),
        };
        self.sessions.insert(path.clone(), key);
        Ok(Some((output, path)))
    }

    fn wire(&self, session: OwnedObjectPath, secret: &[u8]) -> WireSecret {
        let (iv, value) = match &self.sessions[&session] {
            Some(key) => key.encrypt(secret),
            None => (Vec::new(), secret.to_vec()),
        };
        (session, iv, value, "text/plain".to_owned())
    }

    /// Creates an item. A secret that can't be decrypted becomes an empty one and an error, as in `KWallet`.
    fn create(
        &mut self,
        attributes: Attributes,
        (session, iv, value, _): &WireSecret,
    ) -> Result<OwnedObjectPath, &'static str> {
        let secret = match &self.sessions[session] {
            Some(key) => key.decrypt(iv, value),
            None => Some(value.clone()),
        };
        let Some(mut secret) = secret else {
            self.add(attributes, Vec::new());
            return Err("cannot decrypt");
        };
        if self.script.alters {
            if let Some(rest) = secret.strip_prefix("\u{feff}".as_bytes()) {
                secret = rest.to_vec();
            }
            let end = secret.iter().position(|byte| *byte == 0);
            secret.truncate(end.unwrap_or(secret.len()));
        }
        Ok(self.add(attributes, secret))
    }

    /// Makes the event happen that explains the empty secret.
    fn be_as(&mut self, fault: Fault, path: &str) {
        match fault {
            Fault::EmptyAsReplaced => {
                let (_, attributes, secret) = self.item(path);
                self.add(attributes, secret);
                self.remove(path);
            }
            Fault::EmptyAsLocked => self.lock(),
            _ => {}
        }
    }

    /// Replaces an item by carol's login.
    fn reuse(&mut self, path: &str) {
        let found = self.items.iter_mut().find(|(item, ..)| item.as_str() == path);
        let (_, attributes, secret) = found.expect("an item");
        attributes.insert("username".to_owned(), "carol".to_owned());
        *secret = b"carol's".to_vec();
    }

    /// Locks the collection until a prompt.
    fn lock(&mut self) {
        self.is_locked = true;
        self.script.prompt = Some(Prompt::Answered);
    }

    fn remove(&mut self, path: &str) {
        self.items.retain(|(item, ..)| item.as_str() != path);
    }

    fn is_locked_at(&self, path: &str) -> bool {
        path == SECOND || self.is_locked || self.is_item_locked(path)
    }

    /// The visible items of a collection.
    fn shown_items(&self, collection: &str) -> Vec<OwnedObjectPath> {
        match self.script.second {
            Some(Second::OtherItems | Second::HiddenItem) if collection == SECOND => vec![second_item()],
            _ if collection == SECOND || (self.is_locked && self.script.hides) => Vec::new(),
            _ => self.search(&Attributes::new()),
        }
    }

    /// The newer, the larger.
    fn age(&self, path: &str) -> u64 {
        let position = self.items.iter().position(|(item, ..)| item.as_str() == path);
        u64::try_from(position.unwrap_or(0)).expect("few items")
    }

    fn is_item_locked(&self, path: &str) -> bool {
        self.locked_items.iter().any(|locked| locked.as_str() == path)
    }

    fn holds_for_good(&self) -> bool {
        matches!(self.script.fault, Some((_, Fault::Held { for_good: true }, _)))
    }

    fn add(&mut self, attributes: Attributes, secret: Vec<u8>) -> OwnedObjectPath {
        if let Some((path, ..)) = self.items.first().cloned().filter(|_| self.creates_in_place) {
            self.items[0] = (path.clone(), attributes, secret);
            return path;
        }
        self.created += 1;
        let path = format!("{COLLECTION}/{}", self.created);
        let path = OwnedObjectPath::try_from(path).expect("a path");
        self.items.push((path.clone(), attributes, secret));
        path
    }

    fn search(&self, wanted: &Attributes) -> Vec<OwnedObjectPath> {
        let found = self.items.iter().filter(|(_, attributes, _)| {
            wanted
                .iter()
                .all(|(name, value)| attributes.get(name) == Some(value))
        });
        found.map(|(path, ..)| path.clone()).collect()
    }

    fn item(&self, path: &str) -> (OwnedObjectPath, Attributes, Vec<u8>) {
        if path == second_item().as_str() {
            let hash = ("gkr:compat:hashed:docker_cli".to_owned(), "c4ca".to_owned());
            return (second_item(), [hash].into(), Vec::new());
        }
        let found = self.items.iter().find(|(item, ..)| item.as_str() == path);
        // KWallet's answer for an item that is gone.
        let none = || {
            (
                OwnedObjectPath::try_from(path).expect("a path"),
                Attributes::new(),
                Vec::new(),
            )
        };
        found.cloned().unwrap_or_else(none)
    }
}
