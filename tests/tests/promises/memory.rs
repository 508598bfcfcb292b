//! No secret stays in the memory of a helper that exits: the test stops it just before, and reads all its
//! memory.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::process::Stdio;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use docker_credential_tests::helper::KEYRING;
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use docker_credential_tests::login::Login;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::service::wait_for;
use docker_credential_tests::{program, require, requirement};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::broken::Subject;
use crate::scale::report;

/// The length of a piece of a secret.
const WINDOW: usize = 16;
const SERVER: &str = "ghcr.io";
const SIZES: [usize; 5] = [20, 100, 1_000, 8_000, 65_536];
const SHAPES: [Shape; 4] = [Shape::Plain, Shape::Escaped, Shape::Unicode, Shape::Json];

const ESCAPED: [char; 8] = ['"', '\\', '\n', '\t', '<', '>', '&', '\u{1}'];

#[derive(Clone, Copy, Debug)]
enum Shape {
    Plain,
    /// With characters that JSON, or Go's JSON, escapes.
    Escaped,
    Unicode,
    /// Looks like another document.
    Json,
}

impl Shape {
    /// A secret of about `size` bytes without repeated pieces.
    fn secret(self, size: usize) -> String {
        let mut random = fastrand::Rng::new();
        let mut secret = String::new();
        while secret.len() < size {
            match self {
                Self::Escaped if random.u8(..4) == 0 => secret.push(ESCAPED[random.usize(..ESCAPED.len())]),
                Self::Unicode if random.bool() => secret.push(random.char('\u{400}'..'\u{1f900}')),
                Self::Json if random.u8(..8) == 0 => secret.push_str("\",\""),
                _ => secret.push(random.alphanumeric()),
            }
        }
        secret
    }
}

/// The pieces that identify a text in memory.
#[derive(Default)]
struct Pieces {
    pieces: HashSet<[u8; WINDOW]>,
    /// Whether any piece begins with these two bytes, which excludes nearly all memory.
    begins: Vec<bool>,
}

impl Pieces {
    fn of(text: &str) -> Self {
        let escaped = json!(text).to_string();
        let escaped = &escaped[1..escaped.len() - 1];
        let go = escaped
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026");
        let mut all = Self {
            pieces: HashSet::new(),
            begins: vec![false; 1 << 16],
        };
        for form in [text, escaped, &go] {
            all.add(form.as_bytes());
            // Base64 depends on the text's offset in a group of three bytes; `auth` has a user name before
            // it.
            for offset in 0..3.min(form.len()) {
                let encoded = BASE64_STANDARD.encode(&form.as_bytes()[offset..]);
                all.add(&encoded.as_bytes()[..encoded.len().saturating_sub(4)]);
            }
        }
        all
    }

    fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.windows(WINDOW) {
            let piece: [u8; WINDOW] = piece.try_into().expect("a window has its length");
            self.begins[usize::from(u16::from_le_bytes([piece[0], piece[1]]))] = true;
            self.pieces.insert(piece);
        }
    }

    /// The number of pieces in this memory.
    fn count_in(&self, memory: &[u8]) -> usize {
        memory
            .windows(WINDOW)
            .filter(|window| self.begins[usize::from(u16::from_le_bytes([window[0], window[1]]))])
            .filter(|window| self.pieces.contains(*window))
            .count()
    }
}

/// All writable memory of a helper when it exits after `verb`, without its stacks, which nobody can reach:
/// other processes of the same user can't inspect it, it ends at once, and the kernel zeroes the pages.
fn memory_at_exit(place: &Sandbox, verb: &str, stdin: &str) -> Vec<Vec<u8>> {
    let program = fs::canonicalize(place.program()).expect("the helper is there");
    let mut strace = place
        .run("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=exit_group"])
        // In microseconds; it is killed long before.
        .args(["-e", "inject=exit_group:delay_enter=60000000"])
        .arg(&program)
        .arg(verb)
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace can be run");
    let mut pipe = strace.stdin.take().expect("stdin is a pipe");
    let _ = std::io::Write::write_all(&mut pipe, stdin.as_bytes());
    drop(pipe);

    let tracer = strace.id();
    let process = wait_for("the helper's end", || {
        let children = fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children")).ok()?;
        let child: i32 = children.split_whitespace().next()?.parse().ok()?;
        // strace first traces its own child, to check the kernel's features; that also exits.
        if fs::read_link(format!("/proc/{child}/exe")).ok()? != program {
            return None;
        }
        let call = fs::read_to_string(format!("/proc/{child}/syscall")).ok()?;
        call.starts_with(EXIT_GROUP).then_some(child)
    });
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("root may see its memory");
    let memory = fs::File::open(format!("/proc/{process}/mem")).expect("root may read its memory");
    let mut read = Vec::new();
    let mut guard_end = None;
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').expect("a line of maps");
        let (start, end) = range.split_once('-').expect("a range of addresses");
        let [start, end] = [start, end].map(|end| u64::from_str_radix(end, 16).expect("an address"));
        // Pages that weren't written to since they were read from the program's file don't contain secrets.
        if !rest.starts_with("rw") {
            // Below a thread's stack is an inaccessible page.
            guard_end = (rest.starts_with("---p") && end - start == 4096).then_some(end);
            continue;
        }
        if rest.ends_with("[stack]") || guard_end == Some(start) {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(end - start).expect("a size")];
        match memory.read_exact_at(&mut bytes, start) {
            Ok(()) => read.push(bytes),
            // With glibc since 2.42, the inaccessible page is a part of the stack's own mapping.
            Err(_) if memory.read_exact_at(&mut [0; 4096], start).is_err() => {}
            Err(error) => panic!("{line}: {error}"),
        }
    }
    let _ = kill_process(Pid::from_raw(process).expect("a process"), Signal::KILL);
    // Otherwise it would wait for the whole delay.
    let _ = strace.kill();
    let _ = strace.wait();
    read
}

/// The number of the system call, in the kernel's format.
const EXIT_GROUP: &str = if cfg!(target_arch = "x86_64") {
    "231 "
} else {
    "94 "
};

/// Remaining pieces of the secret after each verb, and of its identity, if there is one.
fn residue(place: &Sandbox, shape: Shape, size: usize) -> Vec<(&'static str, usize, usize)> {
    let secret = shape.secret(size);
    let request = json!({ "ServerURL": SERVER, "Username": "user", "Secret": secret }).to_string();
    place.store(SERVER, &Login::new("user", &secret));
    let identity = place
        .helper()
        .files
        .map(|_| identity_of(place))
        .unwrap_or_default();
    let (secret, key) = (Pieces::of(&secret), Pieces::of(&identity));
    [
        ("store", &request[..]),
        ("get", SERVER),
        ("list", ""),
        ("erase", SERVER),
    ]
    .map(|(verb, stdin)| {
        let memory = memory_at_exit(place, verb, stdin);
        let count = |pieces: &Pieces| memory.iter().map(|region| pieces.count_in(region)).sum();
        (verb, count(&secret), count(&key))
    })
    .to_vec()
}

fn identity_of(place: &Sandbox) -> String {
    let identity = fs::read_to_string(place.path("config/docker-credential-age/identity.txt"))
        .expect("the first login makes it");
    let identity = identity
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-1"))
        .expect("an identity file holds one");
    identity["AGE-SECRET-KEY-1".len()..].to_owned()
}

#[test]
fn no_secret_is_left_in_memory_at_exit() {
    require!(requirement::root());
    require!(program::find("strace"));
    assert_nothing_left("13 memory at exit", || Subject::Sound.place());
}

#[test]
fn no_secret_is_left_in_memory_at_exit_after_a_conversation_with_a_keyring() {
    require!(requirement::root());
    require!(program::find("strace"));
    require!(GnomeKeyring::available());
    // gnome-keyring is slow to start, so share one.
    let place = Sandbox::new(KEYRING);
    assert_nothing_left("13 memory at exit, keyring", || &place);
}

/// Several threads decrypt a long list, each with its own stack.
#[test]
fn no_secret_is_left_in_memory_after_a_list_in_threads() {
    require!(requirement::root());
    require!(program::find("strace"));
    let place = Subject::Sound.place();
    let secret = Shape::Escaped.secret(1_000);
    for number in 0..160 {
        place.store(&format!("r{number}.example"), &Login::new("user", &secret));
    }
    let memory = memory_at_exit(&place, "list", "");
    for pieces in [Pieces::of(&secret), Pieces::of(&identity_of(&place))] {
        let left: usize = memory.iter().map(|region| pieces.count_in(region)).sum();
        assert_eq!(left, 0);
    }
}

fn assert_nothing_left<P: Borrow<Sandbox>>(row: &str, place: impl Fn() -> P) {
    let mut found = Vec::new();
    for size in SIZES {
        for shape in SHAPES {
            for (verb, secret, identity) in residue(place().borrow(), shape, size) {
                if secret + identity > 0 {
                    found.push(format!(
                        "{verb}, {shape:?}, {size} bytes: {secret} of the secret, {identity} of the identity"
                    ));
                }
            }
        }
    }
    report(
        row,
        &format!(
            "{} runs: {} with a piece of a secret",
            SIZES.len() * SHAPES.len() * 4,
            found.len()
        ),
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn control_a_helper_whose_allocator_wipes_nothing_is_caught() {
    require!(requirement::root());
    require!(program::find("strace"));
    let found = residue(&Subject::Broken("keeps-memory").place(), Shape::Escaped, 1_000);
    let verbs: Vec<_> = found
        .iter()
        .filter(|(_, secret, _)| *secret > 0)
        .map(|(verb, ..)| *verb)
        .collect();
    assert_eq!(verbs, ["store", "get", "list"]);
}

#[test]
fn no_core_file_is_written() {
    require!(program::find("strace"));
    let place = Subject::Sound.place();
    let login = Login::new("user", "correct horse battery staple");
    place.store(SERVER, &login);
    // Simulates a bug while the answer with the credential is written.
    let script =
        "ulimit -c unlimited; exec strace -f -qq -o /dev/null -e inject=write:signal=ABRT \"$0\" get";
    let died = place
        .run("sh")
        .args(["-c", script])
        .arg(place.program())
        .stdin(SERVER)
        .outcome();
    assert_eq!(died.code, None, "{died:?}");
    assert_eq!(place.traces_of(&login), Vec::<std::path::PathBuf>::new());
}
