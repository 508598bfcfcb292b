//! A connection to the session bus, with a timeout on every wait.

use std::cell::Cell;
use std::future::Future;
use std::os::unix::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use serde::Serialize;
use zbus::wire::DynamicDeserialize;
use zbus::{Connection, DynamicType, Message, ObjectPath, OwnedVariant};

use super::failure::{Failure, NotUnlocked};
use super::socket::{BusSocket, Greeting};
use super::wire::{BUS, BUS_PATH, PROMPT_PATIENCE, PROPERTIES_INTERFACE, SERVICE};

/// The limit on the time without an answer. Each answer renews it, so that a service that is busy with a
/// hundred other clients doesn't seem to stall. docker waits for helpers forever, but people kill it after
/// about ten seconds; [`LAST_QUESTION`] and the start of the process get the rest of those.
const PATIENCE: Duration = Duration::from_secs(8);

/// The time for a silent service to answer a different request.
const LAST_QUESTION: Duration = Duration::from_secs(1);

/// The number of pending calls: enough to keep the service busy, and far below the bus's limit on a
/// connection's pending replies.
const PIPELINE: usize = 128;

/// A placeholder for the bus's id, which zbus stores but we don't need.
const NO_GUID: &str = "00000000000000000000000000000000";

pub(super) struct Bus {
    connection: Connection,
    /// Our own name on the bus.
    us: String,
    /// The program that owns the service's name. All calls go to it, even if another one takes over the name.
    service: String,
    deadline: Cell<Instant>,
    silence: Cell<Silence>,
}

/// Whether the service belongs to this user or to root: required before we agree on keys or use its answers.
#[derive(Clone, Copy)]
pub(super) struct Trusted(());

/// Why the service does not answer.
#[derive(Clone, Copy)]
enum Silence {
    /// We haven't checked.
    Unknown,
    /// It doesn't answer other requests either, as far as we know.
    Stalled,
    /// It answers other requests: this one waits for a person.
    Prompt,
}

impl Bus {
    /// Connects to this user's first bus of `addresses`, and finds the service on it, which the bus may
    /// start.
    pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<Self, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut refusal = Failure::NoBus;
        for address in addresses {
            let mut entered = Self::enter(address, Greeting::AtOnce, deadline).await;
            if matches!(entered, Err(Failure::ClosedBus)) {
                entered = Self::enter(address, Greeting::InTurn, deadline).await;
            }
            match entered {
                Err(failure) if failure.is_of_bus() => {
                    // To report another user's bus is more useful than to report none.
                    if refusal == Failure::NoBus {
                        refusal = failure;
                    }
                }
                entered => return entered,
            }
        }
        Err(refusal)
    }

    async fn enter(address: &SocketAddr, greeting: Greeting, deadline: Instant) -> Result<Self, Failure> {
        let stalled = |_| Failure::StalledBus;
        let socket = bounded(deadline, BusSocket::connect(address, greeting));
        let socket = socket.await.map_err(stalled)??;
        let connection = zbus::connection::Builder::authenticated_socket(socket, NO_GUID)
            .build()
            .await
            .map_err(|_| Failure::ClosedBus)?;
        // Sends both at once, because the bus answers in order.
        let answers = join(hello(&connection), owner(&connection, SERVICE));
        let (us, service) = bounded(deadline, answers).await.map_err(stalled)?;
        let us = us.map_err(|_| Failure::ClosedBus)?;
        let service = match service {
            Err(Failure::NoService(_)) => bounded(deadline, start(&connection)).await?,
            service => service,
        }?;
        Ok(Self {
            connection,
            us,
            service,
            deadline: Cell::new(deadline),
            silence: Cell::new(Silence::Unknown),
        })
    }

    /// Checks the service's owner. Runs together with the first request to the service, so it doesn't take
    /// extra time.
    ///
    /// The bus uses user ids of its own namespace, so we also ask it for ours.
    pub(super) async fn check_owner(&self) -> Result<Trusted, Failure> {
        const ROOT_USER: u32 = 0;
        let (theirs, ours) = join(self.user(&self.service), self.user(&self.us)).await;
        let (theirs, ours) = (theirs?, ours?);
        if theirs == ours || theirs == ROOT_USER {
            Ok(Trusted(()))
        } else {
            Err(Failure::ForeignService(theirs))
        }
    }

    async fn user(&self, name: &str) -> Result<u32, Failure> {
        let arguments = (name,);
        let call = call_bus(&self.connection, "GetConnectionUnixUser", &arguments);
        self.bounded(call).await?.map_err(Failure::of_one_program)
    }

    /// Whether the service also has this name on the bus. The bus answers this, so it works even if the
    /// service stalls.
    pub(super) async fn is_called(&self, name: &str) -> bool {
        let owner = self.bounded(owner(&self.connection, name)).await;
        matches!(owner, Ok(Ok(owner)) if owner == self.service)
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    /// Disconnects cleanly. Unless the service stalls, no calls are pending: gnome-keyring 50 can abort when
    /// its peer leaves during a call.
    pub(super) async fn close(self) {
        let _ = bounded(self.deadline.get(), self.connection.close()).await;
    }

    /// Waits for an answer, as long as there are any answers.
    pub(super) async fn bounded<F: Future>(&self, future: F) -> Result<F::Output, Failure> {
        let mut future = pin!(future);
        loop {
            let deadline = self.deadline.get();
            match bounded(deadline, future.as_mut()).await {
                Ok(output) => {
                    self.renew_patience();
                    return Ok(output);
                }
                // Another call was answered in between.
                Err(_) if self.deadline.get() > deadline => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Sets the deadline of all waits.
    pub(super) fn set_deadline(&self, deadline: Instant) {
        self.deadline.set(deadline);
    }

    /// Limits the time for a last question after a failure.
    pub(super) fn be_brief(&self) {
        self.set_deadline(Instant::now() + LAST_QUESTION / 2);
    }

    /// Restarts the service's time limit.
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

    /// One call that the service may answer only after its own prompt, and its answer. Waits as long as for
    /// any other prompt if the service answers the `question` in the meantime.
    ///
    /// By default, `KeePassXC` answers a search only after a person has unlocked a database. Only another
    /// request distinguishes this from a service that stalls. We send it after the normal timeout, once for
    /// all pending calls.
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
            .call_method(
                Some(self.service.as_str()),
                path,
                Some(interface),
                method,
                arguments,
            )
            .await
            .map_err(|error| Failure::of(&error).of_one_program())
    }

    /// A property of an object, as a value of unchecked type.
    pub(super) async fn property(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        name: &str,
    ) -> Result<OwnedVariant, Failure> {
        self.call(path, PROPERTIES_INTERFACE, "Get", &(interface, name))
            .await
    }

    /// Many calls, sent before waiting for the first answer. Waits for all answers, even after an error, so
    /// that none is pending when the connection is closed.
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

async fn hello(connection: &Connection) -> Result<String, Failure> {
    call_bus(connection, "Hello", &()).await
}

/// The program that owns a name.
async fn owner(connection: &Connection, name: &str) -> Result<String, Failure> {
    call_bus(connection, "GetNameOwner", &(name,)).await
}

async fn start(connection: &Connection) -> Result<String, Failure> {
    const NO_FLAGS: u32 = 0;
    match call_bus::<_, u32>(connection, "StartServiceByName", &(SERVICE, NO_FLAGS)).await {
        Ok(_) => owner(connection, SERVICE).await,
        // The bus's or systemd's error, because no keyring runs yet.
        Err(Failure::Answered(_, words)) => Err(Failure::NoService(words)),
        Err(other) => Err(other),
    }
}

/// One call to the bus itself, and its answer.
async fn call_bus<B, A>(connection: &Connection, method: &str, arguments: &B) -> Result<A, Failure>
where
    B: Serialize + DynamicType,
    A: for<'a> DynamicDeserialize<'a>,
{
    let message = connection
        .call_method(Some(BUS), BUS_PATH, Some(BUS), method, arguments)
        .await
        .map_err(|error| Failure::of(&error))?;
    answer(&message)
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
