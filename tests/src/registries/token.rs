//! A registry with token authentication that hands out identity tokens, as cloud registries do.
//!
//! We wrote it because Debian's registry checks tokens but doesn't issue them. It serves one image, keeps its
//! own accounts, and records the grant of each token, so that a test can check what a client really used.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::json;

use crate::login::Login;
use crate::registries::http::{Request, Response, form};
use crate::registries::image::Image;
use crate::registries::tls::TlsFront;
use crate::requirement::Missing;

const SERVICE: &str = "tests";
const REPOSITORY: &str = "team/private";

/// How a client got an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// With the user name and password.
    Password,
    /// With an identity token.
    IdentityToken,
}

/// The registry's record of requests and answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A client got an access token.
    Granted(Grant),
    /// A client sent a wrong password or a wrong identity token.
    Refused(Grant),
    /// A client read the image or its tags with an access token of this kind.
    Read(Grant),
}

/// A running registry; dropping it ends it.
pub struct TokenRegistry {
    front: TlsFront,
    address: SocketAddr,
    state: Arc<State>,
    server: Option<JoinHandle<()>>,
}

struct State {
    host: String,
    people: Vec<Login>,
    image: Image,
    ended: AtomicBool,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    access: HashMap<String, Grant>,
    identity: Vec<String>,
    events: Vec<Event>,
}

impl TokenRegistry {
    /// A registry with accounts for these users.
    ///
    /// # Errors
    ///
    /// If openssl or python3 isn't installed.
    pub fn start(people: &[Login]) -> Result<Self, Missing> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let front = TlsFront::start(address.port())?;
        let state = Arc::new(State {
            host: format!("127.0.0.1:{}", front.port()),
            people: people.to_vec(),
            image: Image::smallest(),
            ended: AtomicBool::new(false),
            books: Mutex::default(),
        });
        let server = thread::spawn({
            let state = Arc::clone(&state);
            move || accept(&listener, &state)
        });
        Ok(Self {
            front,
            address,
            state,
            server: Some(server),
        })
    }

    /// The argument for `docker login`.
    pub fn host(&self) -> String {
        self.state.host.clone()
    }

    /// The same registry under its other name, which is another server for every client.
    pub fn other_host(&self) -> String {
        format!("localhost:{}", self.front.port())
    }

    /// The image's name for clients.
    pub fn image(&self) -> String {
        format!("{}/{REPOSITORY}:1", self.host())
    }

    /// The events since the last call.
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.state.books().events)
    }

    /// The identity tokens that are valid, oldest first.
    pub fn identity_tokens(&self) -> Vec<String> {
        self.state.books().identity.clone()
    }

    /// A new identity token, like one that a cloud's own tool prints.
    pub fn issue_identity_token(&self) -> String {
        let identity = new_token("identity");
        self.state.books().identity.push(identity.clone());
        identity
    }

    /// Revokes every token, as an administrator would.
    pub fn revoke(&self) {
        let mut books = self.state.books();
        books.identity.clear();
        books.access.clear();
    }
}

impl Drop for TokenRegistry {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // Wakes the server from `accept`.
        let _ = TcpStream::connect(self.address);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

impl fmt::Debug for TokenRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRegistry")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let state = Arc::clone(state);
        thread::spawn(move || match Request::read(&stream) {
            Ok(request) => state.answer(&request).write(&stream, request.method == "HEAD"),
            Err(_) => Response::new(400, "no request").write(&stream, false),
        });
    }
}

impl State {
    fn answer(&self, request: &Request) -> Response {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/token") => self.token_for_basic(request),
            ("POST", "/token") => self.token_for_form(request),
            ("GET" | "HEAD", path) if path.starts_with("/v2/") => {
                let answer = self
                    .bearer(request)
                    .map_or_else(|| self.challenge(), |grant| self.serve(path, grant));
                // docker's client of 2020 requires this.
                answer.with("Docker-Distribution-Api-Version", "registry/2.0")
            }
            _ => Response::new(404, "not here"),
        }
    }

    fn challenge(&self) -> Response {
        let realm = format!("https://{}/token", self.host);
        Response::new(
            401,
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
        )
        .with("Content-Type", "application/json")
        .with(
            "Www-Authenticate",
            format!(r#"Bearer realm="{realm}",service="{SERVICE}",scope="repository:{REPOSITORY}:pull""#),
        )
    }

    fn bearer(&self, request: &Request) -> Option<Grant> {
        let token = request.header("authorization")?.strip_prefix("Bearer ")?;
        self.books().access.get(token).copied()
    }

    fn serve(&self, path: &str, grant: Grant) -> Response {
        let Some(path) = path.strip_prefix("/v2/").filter(|path| !path.is_empty()) else {
            return Response::new(200, "{}").with("Content-Type", "application/json");
        };
        let manifest = crate::registries::image::digest(&self.image.manifest);
        let path = path.strip_prefix(REPOSITORY).unwrap_or_default();
        if path == "/manifests/1" || path == format!("/manifests/{manifest}") {
            self.books().events.push(Event::Read(grant));
            return Response::new(200, self.image.manifest.clone())
                .with("Content-Type", Image::MANIFEST_TYPE)
                .with("Docker-Content-Digest", manifest);
        }
        if path == "/tags/list" {
            self.books().events.push(Event::Read(grant));
            let tags = json!({ "name": REPOSITORY, "tags": ["1"] });
            return Response::new(200, format!("{tags}\n")).with("Content-Type", "application/json");
        }
        let blob = path.strip_prefix("/blobs/").and_then(|wanted| {
            self.image
                .blobs
                .iter()
                .find(|(digest, _)| digest == wanted)
                .map(|(_, bytes)| bytes.clone())
        });
        match blob {
            Some(bytes) => Response::new(200, bytes).with("Content-Type", "application/octet-stream"),
            None => Response::new(
                404,
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such thing"}]}"#,
            ),
        }
    }

    /// The older way, which docker's client uses at login: Basic, with a request for a lasting token.
    fn token_for_basic(&self, request: &Request) -> Response {
        let given = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Basic "));
        let known = given.is_some_and(|given| self.people.iter().any(|person| person.basic() == given));
        self.grant(
            Grant::Password,
            known,
            field(&request.query, "offline_token") == Some("true"),
        )
    }

    /// OAuth 2: a password or an identity token in a form.
    fn token_for_form(&self, request: &Request) -> Response {
        let form = form(&request.body);
        match field(&form, "grant_type") {
            Some("password") => {
                let (user, secret) = (field(&form, "username"), field(&form, "password"));
                let is = |person: &Login| Some(&*person.username) == user && Some(&*person.secret) == secret;
                let offline = field(&form, "access_type") == Some("offline");
                self.grant(Grant::Password, self.people.iter().any(is), offline)
            }
            Some("refresh_token") => {
                let token = field(&form, "refresh_token").unwrap_or_default();
                let known = self.books().identity.iter().any(|identity| identity == token);
                self.grant(Grant::IdentityToken, known, false)
            }
            _ => Response::new(400, r#"{"error":"unsupported_grant_type"}"#),
        }
    }

    fn grant(&self, grant: Grant, known: bool, lasting: bool) -> Response {
        let mut books = self.books();
        if !known {
            books.events.push(Event::Refused(grant));
            return Response::new(
                401,
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong credentials"}]}"#,
            );
        }
        books.events.push(Event::Granted(grant));
        let access = new_token("access");
        books.access.insert(access.clone(), grant);
        let mut reply =
            json!({ "token": access, "access_token": access, "token_type": "Bearer", "expires_in": 300 });
        if lasting {
            let identity = new_token("identity");
            books.identity.push(identity.clone());
            reply["refresh_token"] = identity.into();
        }
        Response::new(200, reply.to_string()).with("Content-Type", "application/json")
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// Unique; on loopback and for a minute, it doesn't have to be unguessable.
fn new_token(kind: &str) -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{kind}.{:016x}{:016x}", random(), random())
}
