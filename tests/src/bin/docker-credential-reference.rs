//! A minimal helper that passes every conformance case, which shows that the cases don't contradict each
//! other.
//!
//! It keeps its credentials in plain text, in the file that `REFERENCE_STATE` names, and is only for tests.
//! `REFERENCE_FAULT` breaks it in one way, to show that the cases notice.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use docker_credential_conformance::json::Members;
use serde_json::{Value, json};

const NOT_FOUND: &str = "credentials not found in native keychain";
const USAGE: &str = "Usage: docker-credential-reference <store|get|erase|list|version>";
const INPUT_LIMIT: u64 = 1 << 20;
const HUB: [&str; 4] = [
    "index.docker.io",
    "docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];

/// Maps the key of the server to the server as stored, the user name and the secret.
type Credentials = BTreeMap<String, [String; 3]>;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (reply, code) = match answer(&words) {
        Ok(reply) => (reply, 0),
        Err(line) => (format!("{line}\n"), 1),
    };
    let (reply, code) = spoilt(&words, reply, code);
    let mut stdout = io::stdout().lock();
    match stdout.write_all(reply.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(u8::from(!broken("streams"))),
    }
}

fn answer(words: &[OsString]) -> Result<String, String> {
    let [word] = words else { return Err(USAGE.into()) };
    match word.to_string_lossy().as_ref() {
        "version" | "--version" | "-v" => Ok("docker-credential-reference (tests) v1.0.0\n".into()),
        "--help" | "-h" => Ok(format!("{USAGE}\n")),
        "get" => get(&server(&input()?)?),
        "erase" | "store" if variable("REFERENCE_READ_ONLY").is_some() => read_only(word, &input()?),
        "erase" => erase(&server(&input()?)?),
        "store" => store(&input()?),
        "list" => list(),
        word => Err(format!(
            "docker-credential-reference: unknown action: {}",
            word.escape_debug()
        )),
    }
}

fn input() -> Result<Vec<u8>, String> {
    let mut input = Vec::new();
    if broken("docker-credential-rs") {
        return Err(NOT_FOUND.into());
    }
    io::stdin()
        .lock()
        .take(INPUT_LIMIT + 1)
        .read_to_end(&mut input)
        .map_err(|error| error.to_string())?;
    if input.len() as u64 > INPUT_LIMIT {
        return Err("the input is longer than 1 MiB".into());
    }
    if broken("hostile") {
        input.retain(|byte| !byte.is_ascii_control());
    }
    Ok(input)
}

fn server(input: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(input).map_err(|_| "the server is not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let server = if broken("testcontainers-node") {
        text
    } else {
        text.trim_ascii()
    };
    if server.is_empty() {
        return Err("no credentials server URL".into());
    }
    if server
        .chars()
        .any(|character| character.is_control() || "\u{2028}\u{2029}".contains(character))
    {
        return Err("a server is one line without control characters".into());
    }
    Ok(server.to_owned())
}

fn get(server: &str) -> Result<String, String> {
    let credentials = load()?;
    let unwelcome =
        (broken("crane") && server.contains("/org/")) || (broken("nerdctl") && server.ends_with(":443"));
    if unwelcome || broken("compose") && alone()?.is_none() {
        return Err("not now".into());
    }
    let [_, username, secret] = keys(server)
        .iter()
        .find_map(|key| credentials.get(key))
        .ok_or(NOT_FOUND)?;
    let [server, username, secret] = [server, username, secret].map(Value::from);
    Ok(format!(
        "{{\"ServerURL\":{server},\"Username\":{username},\"Secret\":{secret}}}\n"
    ))
}

fn erase(server: &str) -> Result<String, String> {
    let own = &keys(server)[0];
    if broken("podman") && !load()?.contains_key(own) {
        return Err(NOT_FOUND.into());
    }
    change(|credentials| {
        credentials.retain(|key, _| key != own && !(broken("erase") && key.starts_with(own.as_str())));
    })
}

fn store(input: &[u8]) -> Result<String, String> {
    if input.starts_with(&[0xff, 0xfe]) {
        return Err("the input is UTF-16; send UTF-8".into());
    }
    // The parser's own text quotes the input, and so a secret.
    let Members(members) = serde_json::from_slice(input)
        .map_err(|error| format!("no JSON object: line {}, column {}", error.line(), error.column()))?;
    let [server, username, secret] = ["ServerURL", "Username", "Secret"].map(|key| field(&members, key));
    let (server, username, secret) = (server?, username?, secret?);
    if server.is_empty() {
        return Err("no credentials server URL".into());
    }
    if username.is_empty() {
        return Err("no credentials username".into());
    }
    if username.contains('\0') {
        return Err("a user name holds no NUL".into());
    }
    let foreign = server.split_once("://").is_some_and(|(scheme, rest)| {
        is_scheme(scheme) && !["http", "https"].contains(&scheme.to_lowercase().as_str()) && rest.is_ascii()
    });
    if key(&server).is_none() && !foreign {
        return Err("a server is [https://]host[:port][/path]".into());
    }
    let shown = if keys(&server)[0] == "https://docker.io" {
        "https://index.docker.io/v1/".into()
    } else {
        server.clone()
    };
    let secret = if broken("values") {
        secret.trim().to_owned()
    } else {
        secret
    };
    change(|credentials| drop(credentials.insert(keys(&server)[0].clone(), [shown, username, secret])))
}

/// A read-only helper's answers: it doesn't erase or store.
fn read_only(word: &OsString, input: &[u8]) -> Result<String, String> {
    if word == "erase" {
        return server(input).map(|_| String::new());
    }
    Err("docker-credential-reference is read-only: write the credentials into its file".into())
}

fn field(members: &[(String, Value)], name: &str) -> Result<String, String> {
    let mut values = members
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => Ok(String::new()),
        (Some(Value::String(text)), None) => Ok(text.clone()),
        (Some(_), None) => Err(format!("{name} is not a string")),
        (Some(_), Some(_)) => Err(format!("{name} is there twice")),
    }
}

fn list() -> Result<String, String> {
    let listed: BTreeMap<_, _> = load()?
        .into_values()
        .map(|[server, username, _]| (server, username))
        .collect();
    Ok(format!("{}\n", json!(listed)))
}

/// The keys that answer for a server: its own and, without a scheme, those of enclosing paths.
fn keys(server: &str) -> Vec<String> {
    let Some(own) = key(server) else {
        return vec![format!("opaque {server}")];
    };
    let mut keys = vec![own.clone()];
    let mut rest = own
        .strip_prefix("https://")
        .filter(|_| !server.contains("://"))
        .unwrap_or_default();
    while let Some((enclosing, _)) = rest.rsplit_once('/') {
        keys.push(format!("https://{enclosing}"));
        rest = enclosing;
    }
    keys
}

/// The canonical spelling of `scheme://host[:port][/path]`; none outside the grammar.
fn key(server: &str) -> Option<String> {
    let (scheme, rest) = server.split_once("://").unwrap_or(("https", server));
    let scheme = scheme.to_ascii_lowercase();
    let (authority, path) = rest
        .split_once('/')
        .map_or((rest, None), |(authority, path)| (authority, Some(path)));
    let (host, port) = authority
        .split_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)));
    let host = host.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => "443",
        "http" => "80",
        _ => return None,
    };
    let is_host = |host: &str| {
        host.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        })
    };
    let is_port = |port: &str| {
        port.parse::<u16>()
            .is_ok_and(|number| number > 0 && number.to_string() == port)
    };
    let path = path
        .map(|path| path.strip_suffix('/').unwrap_or(path))
        .filter(|path| !path.is_empty());
    let is_path = |path: &str| {
        path.split('/').all(|segment| {
            !["", ".", ".."].contains(&segment)
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"%\\?#".contains(&byte))
        })
    };
    if !is_host(host.strip_suffix('.').unwrap_or(&host))
        || !port.is_none_or(is_port)
        || !path.is_none_or(is_path)
    {
        return None;
    }
    let port = port
        .filter(|port| *port != default && !broken("matching"))
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let path = path
        .filter(|path| !["v1", "v2"].contains(path))
        .map(|path| format!("/{path}"))
        .unwrap_or_default();
    let is_hub = HUB.contains(&host.as_str()) && scheme == "https" && port.is_empty();
    let is_token = ["/v1/access-token", "/v1/refresh-token"].contains(&path.as_str());
    Some(match (is_hub, is_token) {
        (true, true) => format!("hub {path}"),
        (true, false) => format!("https://docker.io{path}"),
        _ => format!("{scheme}://{host}{port}{path}"),
    })
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
}

fn load() -> Result<Credentials, String> {
    match fs::read(state()?) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Credentials::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// Replaces the whole file under a lock: the next reader sees the old or the new one.
fn change(change: impl FnOnce(&mut Credentials)) -> Result<String, String> {
    let path = state()?;
    let write = |path: &Path| -> io::Result<()> {
        let lock = File::create(path.with_extension("lock"))?;
        if !broken("concurrency") {
            lock.lock()?;
        }
        let mut credentials = load().map_err(io::Error::other)?;
        if broken("concurrency") {
            thread::sleep(Duration::from_millis(100));
        }
        let stuck = broken("sticky") && !credentials.is_empty();
        if !stuck && !broken("forgetful") {
            change(&mut credentials);
        }
        fs::write(path.with_extension("new"), json!(credentials).to_string())?;
        fs::rename(path.with_extension("new"), path)
    };
    write(&path)
        .map(|()| String::new())
        .map_err(|error| error.to_string())
}

fn state() -> Result<PathBuf, String> {
    variable("REFERENCE_STATE")
        .map(PathBuf::from)
        .ok_or_else(|| "REFERENCE_STATE is not set".into())
}

fn variable(name: &str) -> Option<OsString> {
    std::env::vars_os()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// Whether to break this helper in this way.
fn broken(fault: &str) -> bool {
    variable("REFERENCE_FAULT").is_some_and(|value| value == fault)
}

/// Whether no other process runs, for a fault that depends on that.
fn alone() -> Result<Option<File>, String> {
    let lock = File::create(state()?.with_extension("alone")).map_err(|error| error.to_string())?;
    let alone = lock.try_lock().is_ok();
    thread::sleep(Duration::from_millis(if alone { 100 } else { 0 }));
    Ok(alone.then_some(lock))
}

/// The reply and the exit code, with the faults that only affect them.
fn spoilt(words: &[OsString], reply: String, code: u8) -> (String, u8) {
    let verb = words
        .first()
        .map(|word| word.to_string_lossy().into_owned())
        .unwrap_or_default();
    let missing = reply.trim_end() == NOT_FOUND;
    let fault = variable("REFERENCE_FAULT").unwrap_or_default();
    match (fault.to_string_lossy().as_ref(), verb.as_str()) {
        ("protocol", "get") if code == 0 => (reply.replace("\":\"", "\": \""), code),
        ("list", "list") => (reply.replace("{\"", "{\"Registry credentials for "), code),
        ("errors", _) if code == 1 => (say(&reply), 2),
        ("streams" | "spring-boot", _) => (say("a warning\n") + &reply, code),
        ("docker", _) if missing => ("no such credentials\n".into(), code),
        ("buildx", _) if missing => (String::new(), 0),
        ("leaking", "get") => (say(&reply) + "{\"Secret\":\"else\"}", code),
        ("oras", "get") if code == 0 => (reply + "done\n", code),
        ("docker-py", "list") => ("null\n".into(), code),
        ("testcontainers-java", _) if missing => (reply, 2),
        ("testcontainers-go", _) if missing => (format!("docker-credential-reference: {reply}"), code),
        ("regctl", "list") => ("{}\n".into(), code),
        ("jib", _) if missing => (say(&reply), code),
        ("docker-maven-plugin", "version") => (String::new(), 1),
        ("deaf", _) => (String::new(), 0),
        ("gruff", _) => ("no".into(), 3),
        ("confused", "get") => (
            "{\"ServerURL\":\"x\",\"Username\":\"<token>\",\"Secret\":\"x\"}\n".into(),
            0,
        ),
        ("confused", "list") => ("{\"x\":\"y\"}\n{}".into(), 0),
        ("hanging", _) => loop {
            thread::park();
        },
        ("flooding", _) => ("x".repeat(64 << 20), 0),
        _ => (reply, code),
    }
}

/// Prints it where a fault prints it: on stderr.
fn say(text: &str) -> String {
    let _unheard = io::stderr().write_all(text.as_bytes());
    String::new()
}
