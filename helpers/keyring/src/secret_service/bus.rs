//! A connection to the session bus, on which every wait ends.

use std::cell::Cell;
use std::ffi::OsString;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use docker_credential_helper::{Environment, Error};
use futures_util::future::join_all;
use serde::Serialize;
use zbus::wire::DynamicDeserialize;
use zbus::{Connection, DynamicType, Message, ObjectPath, OwnedVariant};

use super::failure::{Failure, NotUnlocked};
use super::wire::{PROMPT_PATIENCE, PROPERTIES_INTERFACE, SERVICE};

/// How long nothing may come back. Each answer renews it, so that a service that is busy with a hundred other clients
/// does not pass for one that stalls. docker waits for a helper without a limit of its own, and ten seconds is where
/// people begin to kill it; so what is left of them must do for [`LAST_QUESTION`] and for the start of the process.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long a service that was silent so far may take to show that it does answer other questions.
const LAST_QUESTION: Duration = Duration::from_secs(1);

/// How many calls are under way at once: enough to keep the service busy, and far from the number of pending replies
/// that a bus allows a connection.
const PIPELINE: usize = 128;

/// Where the session bus is. Only sockets in the file system and Linux's abstract ones: over a network, secrets and
/// the name of who asks would be anybody's.
pub(super) fn addresses(environment: &Environment) -> Result<Vec<String>, Error> {
    let set = environment
        .variable("DBUS_SESSION_BUS_ADDRESS")
        .and_then(|value| value.into_string().ok())
        .filter(|value| !value.is_empty());
    let addresses = match set {
        Some(list) => list.split(';').map(str::to_owned).collect(),
        None => match environment.variable("XDG_RUNTIME_DIR").map(OsString::into_string) {
            Some(Ok(directory)) if directory.starts_with('/') => vec![format!("unix:path={directory}/bus")],
            _ => Vec::new(),
        },
    };
    let local: Vec<String> = addresses
        .into_iter()
        .filter(|address: &String| address.starts_with("unix:"))
        .collect();
    if local.is_empty() {
        return Err(Failure::NoBus.into());
    }
    Ok(local)
}

pub(super) struct Bus {
    connection: Connection,
    deadline: Cell<Instant>,
    silence: Cell<Silence>,
}

/// Why the service does not answer.
#[derive(Clone, Copy)]
enum Silence {
    /// It has not been asked.
    Unknown,
    /// It answers nothing else either, as far as is known.
    Stalled,
    /// It answers other questions: this one waits for a person.
    Prompt,
}

impl Bus {
    /// Connects to the first bus of `addresses` that answers.
    pub(super) async fn connect(addresses: &[String]) -> Result<Self, Failure> {
        let deadline = Instant::now() + PATIENCE;
        for address in addresses {
            let connecting = zbus::connection::Builder::address(address.as_str()).build();
            if let Ok(connection) = bounded(deadline, connecting).await? {
                return Ok(Self {
                    connection,
                    deadline: Cell::new(deadline),
                    silence: Cell::new(Silence::Unknown),
                });
            }
        }
        Err(Failure::NoBus)
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Hangs up in order. Nothing is under way any more, unless the service stalls: a gnome-keyring of version 50 can
    /// abort when its peer leaves in the middle of a call.
    pub(super) async fn close(self) {
        let _ = bounded(self.deadline.get(), self.connection.close()).await;
    }

    /// Waits for an answer, as long as there are answers at all.
    pub(super) async fn bounded<F: Future>(&self, future: F) -> Result<F::Output, Failure> {
        let mut future = pin!(future);
        loop {
            let deadline = self.deadline.get();
            match bounded(deadline, future.as_mut()).await {
                Ok(output) => {
                    self.renew_patience();
                    return Ok(output);
                }
                // Another call was answered meanwhile.
                Err(_) if self.deadline.get() > deadline => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// From now on, every wait ends then.
    pub(super) fn set_deadline(&self, deadline: Instant) {
        self.deadline.set(deadline);
    }

    /// The service's time begins anew.
    pub(super) fn renew_patience(&self) {
        self.set_deadline(Instant::now() + PATIENCE);
    }

    /// One call of the service, and its answer.
    pub(super) async fn call<B, A>(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        method: &str,
        arguments: &B,
    ) -> Result<A, Failure>
    where
        B: Serialize + DynamicType,
        A: for<'a> DynamicDeserialize<'a>,
    {
        let call = self.call_unbounded(path, interface, method, arguments);
        answer(&self.bounded(call).await??)
    }

    /// A call whose answer the service may hold back while it shows a prompt of its own, and its answer. It is waited
    /// for as long as for any other prompt, provided that the service answers the `question` meanwhile.
    ///
    /// `KeePassXC`, as it is installed, answers a search only when a person has unlocked a database. Nothing tells that
    /// from a service that stalls but another question. It is not asked before the patience for any answer has come to
    /// its end; and of several calls at once one asks for all of them.
    pub(super) async fn call_held_by_a_prompt<B, A, Q>(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        method: &str,
        arguments: &B,
        question: impl Future<Output = Result<Q, Failure>>,
    ) -> Result<A, Failure>
    where
        B: Serialize + DynamicType,
        A: for<'a> DynamicDeserialize<'a>,
    {
        let since = Instant::now();
        let mut call = pin!(self.call_unbounded(path, interface, method, arguments));
        let mut message = self.bounded(call.as_mut()).await;
        if matches!((&message, self.silence.get()), (Err(_), Silence::Unknown)) {
            self.silence.set(Silence::Stalled);
            self.set_deadline(Instant::now() + LAST_QUESTION);
            if question.await.is_ok() {
                self.silence.set(Silence::Prompt);
                self.set_deadline(since + PROMPT_PATIENCE);
            }
            message = self.bounded(call.as_mut()).await;
        }
        match (message, self.silence.get()) {
            (Err(_), Silence::Prompt) => Err(Failure::Locked(NotUnlocked::TimedOut)),
            (message, _) => {
                let message = message?;
                self.silence.set(Silence::Unknown);
                answer(&message?)
            }
        }
    }

    async fn call_unbounded<B>(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        method: &str,
        arguments: &B,
    ) -> Result<Message, Failure>
    where
        B: Serialize + DynamicType,
    {
        self.connection
            .call_method(Some(SERVICE), path, Some(interface), method, arguments)
            .await
            .map_err(|error| Failure::of(&error))
    }

    /// A property of an object, as a value whose type is still to be checked.
    pub(super) async fn property(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        name: &str,
    ) -> Result<OwnedVariant, Failure> {
        self.call(path, PROPERTIES_INTERFACE, "Get", &(interface, name))
            .await
    }

    /// Many calls, sent before the first answer is awaited. All answers are awaited, also where one of them is an
    /// error, so that none is under way when the connection is closed.
    pub(super) async fn pipeline<T, R, F: Future<Output = Result<R, Failure>>>(
        &self,
        items: impl IntoIterator<Item = T>,
        call: impl Fn(T) -> F,
    ) -> Result<Vec<Result<R, Failure>>, Failure> {
        let mut answers = Vec::new();
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            let batch = items.by_ref().take(PIPELINE).map(&call);
            answers.extend(join_all(batch).await);
        }
        let mut failures = answers.iter().filter_map(|answer| answer.as_ref().err());
        match failures.find(|failure| failure.is_of_service()) {
            Some(failure) => Err(failure.clone()),
            None => Ok(answers),
        }
    }
}

async fn bounded<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Failure> {
    let runtime = zruntime::SharedRuntime::current().map_err(|_| Failure::NoBus)?;
    runtime
        .timeout_at(deadline, future)
        .await
        .map_err(|_| Failure::Stalled)
}

fn answer<A: for<'a> DynamicDeserialize<'a>>(message: &Message) -> Result<A, Failure> {
    message
        .body()
        .deserialize()
        .map_err(|_| Failure::Malformed("an answer of the wrong type"))
}
