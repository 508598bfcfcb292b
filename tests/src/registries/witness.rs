//! A registry that refuses everything, and records which login a client used.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::login::Login;
use crate::registries::http::{Request, Response};
use crate::registries::tls::TlsFront;
use crate::requirement::Missing;

/// A running witness. Its thread ends with the test program.
#[derive(Debug)]
pub struct Witness {
    front: TlsFront,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Witness {
    /// A new one on its own port.
    ///
    /// # Errors
    ///
    /// If openssl or python3 isn't installed.
    pub fn start() -> Result<Self, Missing> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(request) = Request::read(&stream) else {
                    continue;
                };
                let user = request
                    .header("authorization")
                    .and_then(|header| Login::from_basic(header.strip_prefix("Basic ")?))
                    .map(|login| login.username)
                    // So skopeo asks without a login.
                    .filter(|user| !user.is_empty());
                let response = match user {
                    Some(user) => {
                        book.lock().expect("no thread panics with the book").push(user);
                        Response::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#)
                    }
                    None => Response::new(401, "{}").with("www-authenticate", "Basic realm=\"witness\""),
                };
                // docker 20.10 requires this.
                let response = response.with("docker-distribution-api-version", "registry/2.0");
                // The client may have disconnected already.
                let _ = response.write(&stream, request.method == "HEAD");
            }
        });
        Ok(Self {
            front: TlsFront::start(address.port())?,
            seen,
        })
    }

    /// Its name for clients.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.front.port())
    }

    /// The user names that logged in since the last call, each once.
    pub fn take_users(&self) -> Vec<String> {
        let mut users = std::mem::take(&mut *self.seen.lock().expect("no thread panics with the book"));
        users.sort();
        users.dedup();
        users
    }
}
