//! A Secret Service that does what a real one does not do on demand: prompts that end in every way, answers of the wrong
//! type, an end in the middle of a call.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::StreamExt as _;
use zbus::message::{Header, Type};
use zbus::{Connection, Message, MessageStream, ObjectPath, OwnedObjectPath, OwnedVariant, Variant};

use crate::keyrings::bus::{PrivateBus, SECRETS};

const ROOT: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/mock";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/1";
const SESSION: &str = "/org/freedesktop/secrets/session/1";
const NONE: &str = "/";
const END: &str = "End";

type Attributes = HashMap<String, String>;
type WireSecret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// What becomes of a prompt that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// The right password is typed, after a while.
    Answered,
    /// It is dismissed.
    Dismissed,
    /// The service loses its name while the prompt is on the screen.
    Vanishes,
    /// It cannot be shown.
    Refused,
    /// Nothing happens.
    Ignored,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service ends before it answers, and another takes its place.
    Ends,
    /// The answer is a string where the specification has something else.
    WrongType,
    /// The answer is this error.
    Error(&'static str),
    /// The answer is the path that stands for no object.
    NoObject,
    /// The answer waits for a person, as that of a locked `KeePassXC` to a search does. The person acts once the service
    /// was asked for its collections, or never.
    Held { for_good: bool },
}

/// How the service is to behave.
#[derive(Debug, Default)]
pub struct Script {
    /// What is wrong with calls of this method, and how often.
    pub fault: Option<(&'static str, Fault, usize)>,
    /// What a prompt comes to. A service without is unlocked.
    pub prompt: Option<Prompt>,
    /// Whether locked items are hidden, as those of a gnome-keyring that started locked are.
    pub hides: bool,
    /// Whether it is items that are locked, each by itself, and not their collection.
    pub locks_items: bool,
    /// How long each answer takes.
    pub delay: Duration,
}

#[derive(Default)]
struct State {
    script: Script,
    is_locked: bool,
    items: Vec<(OwnedObjectPath, Attributes, Vec<u8>)>,
    locked_items: HashSet<OwnedObjectPath>,
    calls: Vec<String>,
    callers: HashSet<String>,
    /// What would make a gnome-keyring of version 50 abort.
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
    /// Starts a service that keeps nothing yet.
    pub fn start(bus: &PrivateBus, script: Script) -> Self {
        let state = Arc::new(Mutex::new(State {
            is_locked: script.prompt.is_some() && !script.locks_items,
            script,
            ..State::default()
        }));
        // Both ask for the name: when the first leaves the bus, the second has it without a gap.
        let connections = [Incarnation::connect(bus), Incarnation::connect(bus)];
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

    /// Puts an item of docker's into it.
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
        let mut state = self.state();
        let path = state.add(attributes, secret.to_vec());
        if state.script.locks_items {
            state.locked_items.insert(path);
        }
    }

    /// The methods that were called, in order; of properties their names.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// The user names of the items it holds.
    pub fn usernames(&self) -> Vec<String> {
        let state = self.state();
        state
            .items
            .iter()
            .map(|(_, attributes, _)| attributes["username"].clone())
            .collect()
    }

    /// What would have made a gnome-keyring of version 50 abort.
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
        // It may have ended by itself, as its script says.
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
    /// The next incarnation takes over.
    Reborn,
    End,
}

/// One connection that has the service's name, or waits for it.
struct Incarnation {
    connection: Connection,
    messages: MessageStream,
    /// What is answered when a person has acted.
    held: RefCell<Vec<Message>>,
}

impl Incarnation {
    fn connect(bus: &PrivateBus) -> Self {
        let connection = bus.connect();
        let messages = MessageStream::from(&connection);
        let bus = "org.freedesktop.DBus";
        let name = connection.call_method(
            Some(bus),
            "/org/freedesktop/DBus",
            Some(bus),
            "RequestName",
            &(SECRETS, 0_u32),
        );
        zbus::block_on(name).expect("the name can be asked for");
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
                self.connection.reply(&header, &none).await?;
                return Ok(None);
            }
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
                    let found = if hidden { Vec::new() } else { state.search(&wanted) };
                    found
                        .into_iter()
                        .partition(|path| !state.is_locked && !state.locked_items.contains(path))
                };
                reply.reply(header, &answer).await?;
            }
            "Collections" => {
                reply
                    .reply(header, &Variant::from(vec![path(COLLECTION)]))
                    .await?;
            }
            "Locked" => {
                let locked = state.lock().expect("one thread answers").is_locked;
                reply.reply(header, &Variant::from(locked)).await?;
            }
            "Attributes" => {
                let attributes = state.lock().expect("one thread answers").item(&call.path).1;
                reply.reply(header, &Variant::from(attributes)).await?;
            }
            "Modified" => reply.reply(header, &Variant::from(1_u64)).await?,
            "ReadAlias" => reply.reply(header, &path(COLLECTION)).await?,
            "OpenSession" => {
                let (algorithm, _): (String, OwnedVariant) = body.deserialize()?;
                if algorithm == "plain" {
                    reply.reply(header, &(Variant::from(""), path(SESSION))).await?;
                } else {
                    let name = "org.freedesktop.DBus.Error.NotSupported";
                    reply.reply_error(header, name, &("only plain",)).await?;
                }
            }
            "GetSecret" => {
                let secret = state.lock().expect("one thread answers").item(&call.path).2;
                let kind = "text/plain".to_owned();
                let wire: WireSecret = (path(SESSION).into(), Vec::new(), secret, kind);
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
                    .add(attributes, secret.2);
                reply.reply(header, &(created, path(NONE))).await?;
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
                state
                    .lock()
                    .expect("one thread answers")
                    .items
                    .retain(|(path, ..)| path.as_str() != call.path);
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
    /// Of a property, its name.
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

impl State {
    fn note(&mut self, call: &Call<'_>) -> Option<Fault> {
        self.calls.push(call.method.clone());
        if self.callers.insert(call.sender.clone()) && call.method == "OpenSession" {
            self.offences.push("OpenSession was the first call".to_owned());
        }
        match &mut self.script.fault {
            Some((method, fault, left)) if *method == call.method && *left > 0 => {
                *left -= 1;
                Some(*fault)
            }
            _ => None,
        }
    }

    fn is_item_locked(&self, path: &str) -> bool {
        self.locked_items.iter().any(|locked| locked.as_str() == path)
    }

    fn holds_for_good(&self) -> bool {
        matches!(self.script.fault, Some((_, Fault::Held { for_good: true }, _)))
    }

    fn add(&mut self, attributes: Attributes, secret: Vec<u8>) -> OwnedObjectPath {
        let path = format!("{COLLECTION}/{}", self.calls.len() + self.items.len());
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
        let found = self.items.iter().find(|(item, ..)| item.as_str() == path);
        found.expect("the item is there").clone()
    }
}
