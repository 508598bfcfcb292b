//! Entries are standard age files: the helper, `age` and `rage` read each other's files, and age's own test
//! vectors have the expected results.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use docker_credential_tests::login::Login;
use docker_credential_tests::refusal::assert_error;
use docker_credential_tests::{program, require};
use serde_json::{Value, json};

use crate::broken::Subject;
use crate::scale::{report, scale};

const STORE: &str = "data/docker-credential-age";
const IDENTITY: &str = "config/docker-credential-age/identity.txt";

fn secret(number: usize) -> String {
    format!("{number} \"<&>\" ü {}", "x".repeat(number * 97 % 5_000))
}

/// Our files for the other program, and its files for us.
fn round_trips(program: &str, files: usize) {
    let place = Subject::Sound.place();
    place.store("first.example.com", &Login::new("user", "first"));
    let recipient = fs::read_to_string(place.path(IDENTITY))
        .expect("the first login makes it")
        .lines()
        .find_map(|line| line.strip_prefix("# public key: ").map(str::to_owned))
        .expect("it names its public key");
    for number in 0..files {
        let server = format!("r{number}.example.com");
        let path = place.path(STORE).join(format!("{server}.age"));
        let login = Login::new("user", &secret(number));

        place.store(&server, &login);
        let shown = place
            .run_peer(program)
            .args(["-d", "-i"])
            .arg(place.path(IDENTITY))
            .arg(&path)
            .outcome();
        shown.assert_success(program);
        assert_eq!(shown.stdout, place.verb("get", &server).stdout, "{server}");

        let plaintext = json!({ "ServerURL": server, "Username": "user", "Secret": secret(number + 1) });
        let armor: &[&str] = if number % 2 == 0 { &["--armor"] } else { &[] };
        let made = place
            .run_peer(program)
            .args(["-e", "-r", &recipient])
            .args(armor)
            .stdin(plaintext.to_string())
            .outcome();
        made.assert_success(program);
        fs::write(&path, made.stdout).expect("a file in the store");
        place.assert_answers(&server, &Login::new("user", &secret(number + 1)));
    }
    report(
        "20 round trips",
        &format!("{files} files to {program} and back: all equal"),
    );
}

#[test]
fn entries_go_to_age_and_back() {
    require!(program::find("age"));
    round_trips("age", scale(50, 1_000));
}

#[test]
fn entries_go_to_rage_and_back() {
    require!(program::find("rage"));
    round_trips("rage", scale(50, 1_000));
}

/// The library's test vectors from the C2SP project, which every implementation of age uses.
fn vectors() -> PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        // Crates for other platforms are only on this machine after a `cargo fetch`.
        .args(["--filter-platform", &host_platform()])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("cargo can be run");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("metadata is JSON");
    let age = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .find(|package| package["name"] == "age")
        .expect("the library is among them");
    Path::new(age["manifest_path"].as_str().expect("a path")).with_file_name("tests/testdata/testkit")
}

fn host_platform() -> String {
    let version = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc can be run");
    let version = String::from_utf8(version.stdout).expect("rustc prints text");
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

struct Vector {
    expect: String,
    identities: Vec<String>,
    has_passphrase: bool,
    file: Vec<u8>,
}

impl Vector {
    /// Lines of `name: value`, an empty line, and the file.
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(2)
            .position(|two| two == b"\n\n")
            .expect("an empty line before the file");
        let header = std::str::from_utf8(&bytes[..end]).expect("a header in text");
        let values = |name: &str| -> Vec<String> {
            header
                .lines()
                .filter_map(|line| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")))
                .map(str::to_owned)
                .collect()
        };
        let mut file = bytes[end + 2..].to_vec();
        if values("compressed") == ["zlib"] {
            let mut whole = Vec::new();
            flate2::read::ZlibDecoder::new(&file[..])
                .read_to_end(&mut whole)
                .expect("compressed as it says");
            file = whole;
        }
        Self {
            expect: values("expect").concat(),
            identities: values("identity"),
            has_passphrase: !values("passphrase").is_empty(),
            file,
        }
    }
}

/// The vectors don't contain credentials, so a valid one is an entry that can be decrypted but isn't ours.
#[test]
fn ages_own_test_vectors_are_judged_right() {
    let directory = vectors();
    let mut judged = 0;
    for entry in directory.read_dir().expect("the library comes with its vectors") {
        let path = entry.expect("a vector").path();
        let vector = Vector::parse(&fs::read(&path).expect("a vector"));
        let mut place = Subject::Sound.place();
        let directory = place.path(STORE);
        fs::create_dir_all(&directory).expect("a store");
        fs::write(directory.join("ghcr.io.age"), &vector.file).expect("an entry");
        let identity = if vector.identities.is_empty() {
            // Any identity, for files that are encrypted with a passphrase.
            "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0".to_owned()
        } else {
            vector.identities.join("\n")
        };
        place.set("DOCKER_CREDENTIAL_AGE_IDENTITY", identity);
        let answer = place.verb("get", "ghcr.io");
        let expected = match vector.expect.as_str() {
            "no match" => "does not open",
            // Encrypted with a passphrase, which entries don't support.
            _ if vector.has_passphrase => "",
            // Two mebibytes are more than any entry has.
            _ if vector.file.len() > 2 << 20 => "is larger than",
            _ => "is damaged",
        };
        assert_error(&answer, expected);
        let text = answer.text();
        assert!(
            ["does not open", "is damaged", "is larger than"]
                .iter()
                .any(|verdict| text.contains(verdict)),
            "{}: {answer:?}",
            path.display()
        );
        let kept = fs::read(directory.join("ghcr.io.age")).expect("the entry is there");
        assert!(kept == vector.file, "an entry is never changed by reading it");
        judged += 1;
    }
    report(
        "20 age's test vectors",
        &format!("{judged} as entries: all judged right"),
    );
    assert!(judged > 100);
}
