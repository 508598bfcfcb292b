//! The bus's socket: checks its owner, and authenticates.
//!
//! zbus could connect itself, but it would send our user id before it checks the socket's owner, in a user
//! namespace an id that the bus doesn't know, and would wait for the answer to `Hello` before it sends
//! anything else.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::Arc;

use zbus::connection::socket::{ReadHalf, Socket, Split, WriteHalf};
use zbus::export::async_trait::async_trait;
use zruntime::{AsyncIo, Shared, SharedRuntime};

use super::failure::Failure;
use super::peer;

/// How to greet a bus.
#[derive(Clone, Copy)]
pub(super) enum Greeting {
    /// Our messages don't depend on the bus's answer, so we send everything at once.
    AtOnce,
    /// Messages after the bus's answer, which takes a round trip: xdg-dbus-proxy 0.1.4 takes the answer for a
    /// message if it comes after the greeting's last line.
    InTurn,
}

/// Authenticates by the kernel's credentials, which also work in a user namespace, unlike a user id.
const GREETING: &[u8] = b"\0AUTH EXTERNAL\r\nDATA\r\n";
const BEGIN: &[u8] = b"BEGIN\r\n";

/// The longest line in a bus's answer to the greeting.
const LINE_MAX: usize = 1024;

/// This user's socket, with the greeting in progress.
pub(super) struct BusSocket(Reader);

impl BusSocket {
    /// Connects, checks the socket's owner, and only then sends anything.
    ///
    /// Fails with [`Failure::ForeignBus`] for another user's socket, with [`Failure::NoBus`] if nobody listens,
    /// and with [`Failure::ClosedBus`] if the bus doesn't return the greeting.
    pub(super) async fn connect(address: &SocketAddr, greeting: Greeting) -> Result<Self, Failure> {
        let runtime = SharedRuntime::current().map_err(|_| Failure::NoBus)?;
        let mut stream = zruntime::net::unix::UnixStream::<Shared>::connect_addr(&runtime, address)
            .await
            .map_err(|_| Failure::NoBus)?
            .into_std();
        peer::check(&stream, address)?;
        let first = match greeting {
            Greeting::AtOnce => [GREETING, BEGIN].concat(),
            Greeting::InTurn => GREETING.to_vec(),
        };
        stream.write_all(&first).map_err(|_| Failure::NoBus)?;
        let stream = AsyncIo::new(&runtime, stream).map_err(|_| Failure::NoBus)?;
        let mut reader = Reader {
            stream: Arc::new(stream),
            received: Vec::new(),
            taken: 0,
            is_greeted: false,
        };
        if matches!(greeting, Greeting::InTurn) {
            reader.be_greeted().await.map_err(|_| Failure::ClosedBus)?;
            let begin = reader.stream.write_with(|mut stream| stream.write_all(BEGIN));
            begin.await.map_err(|_| Failure::ClosedBus)?;
        }
        Ok(Self(reader))
    }
}

impl Socket for BusSocket {
    type ReadHalf = Reader;
    type WriteHalf = Writer;

    fn split(self) -> Split<Reader, Writer> {
        let writer = Writer(Arc::clone(&self.0.stream));
        Split::new(self.0, writer)
    }
}

/// The bus's messages, after its answer to the greeting.
pub(super) struct Reader {
    stream: Arc<AsyncIo<UnixStream, Shared>>,
    received: Vec<u8>,
    /// The number of bytes already returned.
    taken: usize,
    is_greeted: bool,
}

impl Reader {
    async fn receive(&mut self) -> io::Result<usize> {
        const CHUNK: usize = 16 * 1024;
        self.received.clear();
        self.received.resize(CHUNK, 0);
        let received = &mut self.received;
        let length = self.stream.read_with(|mut stream| stream.read(received)).await?;
        self.received.truncate(length);
        self.taken = 0;
        Ok(length)
    }

    /// Reads lines until the one that accepts us.
    async fn be_greeted(&mut self) -> io::Result<()> {
        let mut line = Vec::new();
        while !self.is_greeted {
            if self.taken == self.received.len() && self.receive().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let byte = self.received[self.taken];
            self.taken += 1;
            match byte {
                b'\n' if line.starts_with(b"OK ") => self.is_greeted = true,
                // An empty challenge, which the greeting already answered.
                b'\n' if line.trim_ascii_end() == b"DATA" => line.clear(),
                b'\n' => return Err(io::ErrorKind::PermissionDenied.into()),
                _ if line.len() == LINE_MAX => return Err(io::ErrorKind::InvalidData.into()),
                byte => line.push(byte),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ReadHalf for Reader {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        self.be_greeted().await?;
        if self.taken == self.received.len() {
            self.receive().await?;
        }
        let length = buffer.len().min(self.received.len() - self.taken);
        buffer[..length].copy_from_slice(&self.received[self.taken..][..length]);
        self.taken += length;
        Ok((length, Vec::new()))
    }
}

/// Our messages.
pub(super) struct Writer(Arc<AsyncIo<UnixStream, Shared>>);

#[async_trait]
impl WriteHalf for Writer {
    async fn sendmsg(&mut self, buffer: &[u8], _: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.0.write_with(|mut stream| stream.write(buffer)).await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.0.get_ref().shutdown(Shutdown::Both)
    }
}

// zbus requires it; the data may contain a secret.
impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
