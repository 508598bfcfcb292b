//! The lower limit of a get from the Secret Service: only the necessary calls, sent as fast as possible, with
//! minimal parsing. `bench/run` builds it as it builds `hello.rs`.
//!
//! It requests the same encrypted session as docker-credential-keyring, so that the service does the same
//! work for both. It doesn't check the service's owner or decrypt the answer: its key isn't valid.

use std::env;
use std::io::{Read, Result, Write, stdin};
use std::os::unix::net::UnixStream;

const SERVICE: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const INTERFACE: &str = "org.freedesktop.Secret.Service";
const BUS: &str = "org.freedesktop.DBus";

fn main() -> Result<()> {
    let mut server = String::new();
    stdin().read_to_string(&mut server)?;
    let address = env::var("DBUS_SESSION_BUS_ADDRESS").expect("a bus");
    let path = address
        .strip_prefix("unix:path=")
        .and_then(|path| path.split(',').next());
    let mut bus = UnixStream::connect(path.expect("the bus has a path"))?;

    let mut search = Body::default();
    search.attributes(&[("docker_cli", "1"), ("server", server.trim())]);
    let mut session = Body::default();
    session.text("dh-ietf1024-sha256-aes128-cbc-pkcs7");
    session.signature("ay");
    session.bytes(&[0x55; 128]);
    let mut all = b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".to_vec();
    all.extend(call(
        1,
        BUS,
        "/org/freedesktop/DBus",
        BUS,
        "Hello",
        "",
        &Body::default(),
    ));
    all.extend(call(2, SERVICE, ROOT, INTERFACE, "SearchItems", "a{ss}", &search));
    all.extend(call(3, SERVICE, ROOT, INTERFACE, "OpenSession", "sv", &session));
    bus.write_all(&all)?;

    let mut received = Received {
        bus,
        bytes: Vec::new(),
    };
    received.skip_greeting()?;
    let found = received.reply(2)?;
    let item = string_at(&found, 4);
    let opened = received.reply(3)?;
    // A variant with an array of bytes, whose length gives the position of the session's path.
    let session_at = (8 + number_at(&opened, 4) as usize).next_multiple_of(4);

    let mut secret = Body::default();
    secret.text(string_at(&opened, session_at));
    let get = call(
        4,
        SERVICE,
        item,
        "org.freedesktop.Secret.Item",
        "GetSecret",
        "o",
        &secret,
    );
    received.bus.write_all(&get)?;
    let answer = received.reply(4)?;
    println!("a secret in {} bytes", answer.len());
    Ok(())
}

/// The body of a message.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn number(&mut self, number: usize) {
        self.align(4);
        self.0
            .extend(u32::try_from(number).expect("a small number").to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.0.push(0);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend(bytes);
    }

    fn signature(&mut self, signature: &str) {
        self.0
            .push(u8::try_from(signature.len()).expect("a short signature"));
        self.0.extend(signature.as_bytes());
        self.0.push(0);
    }

    fn attributes(&mut self, attributes: &[(&str, &str)]) {
        let mut pairs = Self::default();
        for (name, value) in attributes {
            pairs.align(8);
            pairs.text(name);
            pairs.text(value);
        }
        self.number(pairs.0.len());
        self.align(8);
        self.0.extend(pairs.0);
    }
}

fn call(
    serial: usize,
    destination: &str,
    path: &str,
    interface: &str,
    method: &str,
    signature: &str,
    body: &Body,
) -> Vec<u8> {
    const LITTLE_ENDIAN_CALL_OF_VERSION_1: [u8; 4] = [b'l', 1, 0, 1];
    let mut fields = Body::default();
    for (code, kind, value) in [
        (1, "o", path),
        (2, "s", interface),
        (3, "s", method),
        (6, "s", destination),
        (8, "g", signature),
    ] {
        fields.align(8);
        fields.0.push(code);
        fields.signature(kind);
        if kind == "g" {
            fields.signature(value);
        } else {
            fields.text(value);
        }
    }
    let mut message = Body(LITTLE_ENDIAN_CALL_OF_VERSION_1.to_vec());
    message.number(body.0.len());
    message.number(serial);
    message.number(fields.0.len());
    message.0.extend(fields.0);
    message.align(8);
    message.0.extend(&body.0);
    message.0
}

struct Received {
    bus: UnixStream,
    bytes: Vec<u8>,
}

impl Received {
    fn need(&mut self, length: usize) -> Result<()> {
        let mut chunk = [0; 16 * 1024];
        while self.bytes.len() < length {
            let read = self.bus.read(&mut chunk)?;
            assert!(read > 0, "the bus hung up");
            self.bytes.extend(&chunk[..read]);
        }
        Ok(())
    }

    /// Reads lines until the one that accepts us.
    fn skip_greeting(&mut self) -> Result<()> {
        loop {
            self.need(1)?;
            let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') else {
                self.need(self.bytes.len() + 1)?;
                continue;
            };
            let is_last = self.bytes.starts_with(b"OK ");
            self.bytes.drain(..=end);
            if is_last {
                return Ok(());
            }
        }
    }

    /// The body of the answer to a call. Skips signals and other answers before it.
    fn reply(&mut self, serial: u32) -> Result<Vec<u8>> {
        const RETURN: u8 = 2;
        const ERROR: u8 = 3;
        loop {
            self.need(16)?;
            let fields = number_at(&self.bytes, 12) as usize;
            let body_at = (16 + fields).next_multiple_of(8);
            let end = body_at + number_at(&self.bytes, 4) as usize;
            self.need(end)?;
            let message: Vec<u8> = self.bytes.drain(..end).collect();
            assert_ne!(message[1], ERROR, "{}", String::from_utf8_lossy(&message));
            if message[1] == RETURN && answers(&message[16..16 + fields]) == serial {
                return Ok(message[body_at..].to_vec());
            }
        }
    }
}

/// The call that a message answers: the field with code 5.
fn answers(fields: &[u8]) -> u32 {
    let field = fields
        .windows(4)
        .step_by(8)
        .position(|field| field == [5, 1, b'u', 0]);
    field.map_or(0, |at| number_at(fields, at * 8 + 4))
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn string_at(bytes: &[u8], at: usize) -> &str {
    let length = number_at(bytes, at) as usize;
    str::from_utf8(&bytes[at + 4..at + 4 + length]).expect("a path")
}
