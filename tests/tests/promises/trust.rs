//! Promise 26: files that others own or can write aren't trusted. Each purpose with its wrong states, and a
//! valid counterpart for each.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use docker_credential_tests::login::Login;
use docker_credential_tests::program::Outcome;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require, requirement};

use crate::broken::Subject;
use crate::scale::report;

const OTHER: u32 = 4_321;
const SERVER: &str = "ghcr.io";

/// A purpose of a file.
struct Purpose {
    name: &'static str,
    /// Creates the valid state, and returns its file and directory.
    prepare: fn(&mut Sandbox) -> (PathBuf, PathBuf),
    /// Whether it is trusted.
    believes: fn(&Sandbox) -> bool,
    /// The refused states.
    wrong: &'static [State],
    /// The accepted states.
    right: &'static [State],
}

/// The difference of a file and its directory from the valid state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sound,
    FileOfOther,
    FileMode(u32),
    DirectoryOfOther,
    DirectoryMode(u32),
    LinkOfOther,
    LinkOfOurs,
    SecondName,
}
use State::{
    DirectoryMode, DirectoryOfOther, FileMode, FileOfOther, LinkOfOther, LinkOfOurs, SecondName, Sound,
};

impl State {
    fn make(self, file: &Path, directory: &Path) {
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("root can set a mode");
        };
        let give = |path: &Path| chown(path, Some(OTHER), Some(OTHER)).expect("root can give it away");
        match self {
            Sound => {}
            FileOfOther => give(file),
            FileMode(bits) => mode(file, bits),
            DirectoryOfOther => give(directory),
            DirectoryMode(bits) => mode(directory, bits),
            LinkOfOther | LinkOfOurs => {
                let moved = file.with_extension("moved");
                fs::rename(file, &moved).expect("it can be moved");
                symlink(&moved, file).expect("a link can be made");
                if self == LinkOfOther {
                    lchown(file, Some(OTHER), Some(OTHER)).expect("root can give it away");
                }
            }
            SecondName => {
                fs::hard_link(file, file.with_extension("second")).expect("it can get a second name");
            }
        }
    }
}

const PURPOSES: &[Purpose] = &[
    Purpose {
        name: "a secret of mine (the default identity)",
        prepare: |place| {
            place.store(SERVER, &login());
            let directory = place.path("config/docker-credential-age");
            (directory.join("identity.txt"), directory)
        },
        believes: |place| place.verb("get", SERVER).code == Some(0),
        wrong: &[
            FileOfOther,
            FileMode(0o666),
            FileMode(0o602),
            DirectoryOfOther,
            DirectoryMode(0o777),
            LinkOfOther,
        ],
        right: &[
            Sound,
            FileMode(0o400),
            FileMode(0o644),
            DirectoryMode(0o755),
            DirectoryMode(0o1777),
            LinkOfOurs,
        ],
    },
    Purpose {
        name: "a named identity, to encrypt to it",
        prepare: named_identity,
        believes: |place| store(place).code == Some(0),
        wrong: &[
            FileOfOther,
            FileMode(0o666),
            DirectoryOfOther,
            DirectoryMode(0o777),
            LinkOfOther,
        ],
        right: &[
            Sound,
            FileMode(0o444),
            FileMode(0o644),
            DirectoryMode(0o1777),
            LinkOfOurs,
        ],
    },
    Purpose {
        name: "a named identity, to decrypt",
        prepare: named_identity,
        believes: |place| place.verb("get", SERVER).code == Some(0),
        wrong: &[],
        right: &[
            Sound,
            FileOfOther,
            FileMode(0o666),
            DirectoryOfOther,
            DirectoryMode(0o777),
            LinkOfOther,
        ],
    },
    Purpose {
        name: "a file I change (config.json)",
        prepare: |place| {
            place.write_config(&serde_json::json!({}));
            (place.config_path(), place.path("home/.docker"))
        },
        believes: |place| {
            place
                .run(place.program())
                .args(["configure", "--no-import"])
                .outcome();
            place.config()["credsStore"] == "age"
        },
        wrong: &[
            FileOfOther,
            DirectoryOfOther,
            DirectoryMode(0o777),
            LinkOfOther,
            SecondName,
        ],
        right: &[Sound, FileMode(0o666), DirectoryMode(0o755), LinkOfOurs],
    },
    Purpose {
        name: "a file I read logins from (auth.json)",
        prepare: |place| {
            let directory = place.path("run/containers");
            fs::create_dir(&directory).expect("a directory");
            let file = directory.join("auth.json");
            fs::write(&file, r#"{"auths":{"ghcr.io":{"auth":"dXNlcjpwYXNz"}}}"#).expect("a file of podman's");
            (file, directory)
        },
        believes: |place| {
            place.run(place.program()).args(["import", "--keep"]).outcome();
            place.verb("get", SERVER).code == Some(0)
        },
        wrong: &[FileOfOther, DirectoryOfOther, DirectoryMode(0o777), LinkOfOther],
        right: &[Sound, FileMode(0o666), DirectoryMode(0o1777), LinkOfOurs],
    },
    Purpose {
        name: "a program I run (another helper)",
        prepare: |place| {
            let directory = place.path("bin");
            let file = directory.join("docker-credential-fake");
            fs::write(
                &file,
                "#!/bin/sh\ncase $1 in list) echo '{\"ghcr.io\":\"u\"}';; get) cat >/dev/null; echo '{\"ServerURL\":\"ghcr.io\",\"Username\":\"u\",\"Secret\":\"s\"}';; esac\n",
            )
            .expect("a helper");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be run");
            (file, directory)
        },
        believes: |place| {
            place
                .run(place.program())
                .args(["import", "--from", "fake", "--keep"])
                .outcome();
            place.verb("get", SERVER).code == Some(0)
        },
        wrong: &[
            FileOfOther,
            FileMode(0o777),
            DirectoryOfOther,
            DirectoryMode(0o777),
            LinkOfOther,
        ],
        right: &[Sound, FileMode(0o775), DirectoryMode(0o775), LinkOfOurs],
    },
    Purpose {
        name: "the default store, reading",
        prepare: default_store,
        believes: |place| place.verb("get", SERVER).code == Some(0),
        wrong: &[DirectoryOfOther, DirectoryMode(0o777), DirectoryMode(0o1777)],
        right: &[Sound, DirectoryMode(0o755)],
    },
    Purpose {
        name: "a named store, reading",
        prepare: named_store,
        believes: |place| place.verb("get", SERVER).code == Some(0),
        wrong: &[],
        right: &[Sound, DirectoryOfOther, DirectoryMode(0o777)],
    },
    Purpose {
        name: "a named store, writing",
        prepare: named_store,
        believes: |place| store(place).code == Some(0),
        wrong: &[DirectoryOfOther, DirectoryMode(0o777), DirectoryMode(0o1777)],
        right: &[Sound, DirectoryMode(0o755)],
    },
    Purpose {
        name: "the log",
        prepare: |place| {
            let directory = place.path("logs");
            fs::create_dir(&directory).expect("a directory");
            let file = directory.join("log");
            fs::write(&file, "").expect("a log");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("root can set a mode");
            place.set("DOCKER_CREDENTIAL_LOG", &file);
            (file, directory)
        },
        believes: |place| {
            let read = || fs::read(place.path("logs/log")).expect("a log");
            let before = read();
            place.verb("get", SERVER);
            read() != before
        },
        wrong: &[
            FileOfOther,
            FileMode(0o666),
            FileMode(0o644),
            DirectoryOfOther,
            DirectoryMode(0o777),
            SecondName,
        ],
        right: &[Sound, DirectoryMode(0o755), DirectoryMode(0o1777)],
    },
];

fn login() -> Login {
    Login::new("user", "correct horse battery staple")
}

fn store(place: &Sandbox) -> Outcome {
    let request = r#"{"ServerURL":"other.example","Username":"user","Secret":"secret"}"#;
    place.verb("store", request)
}

fn named_identity(place: &mut Sandbox) -> (PathBuf, PathBuf) {
    place.store(SERVER, &login());
    let directory = place.path("named");
    fs::create_dir(&directory).expect("a directory");
    let file = directory.join("identity");
    fs::rename(place.path("config/docker-credential-age/identity.txt"), &file).expect("it can be moved");
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", &file);
    (file, directory)
}

fn default_store(place: &mut Sandbox) -> (PathBuf, PathBuf) {
    place.store(SERVER, &login());
    let directory = place.path("data/docker-credential-age");
    (directory.join("ghcr.io.age"), directory)
}

fn named_store(place: &mut Sandbox) -> (PathBuf, PathBuf) {
    let directory = place.path("store");
    place.set("DOCKER_CREDENTIAL_AGE_DIR", &directory);
    place.store(SERVER, &login());
    (directory.join("ghcr.io.age"), directory)
}

/// A helper that another user runs as root of their own namespace, with a writable home.
struct Namespace {
    home: tempfile::TempDir,
    flag: String,
}

impl Namespace {
    fn new(flag: &str) -> Self {
        let home = tempfile::tempdir().expect("a home");
        chown(home.path(), Some(OTHER), Some(OTHER)).expect("root can give it away");
        let program = Sandbox::new(docker_credential_tests::helper::AGE)
            .program()
            .to_owned();
        program::copy(&program, &home.path().join("helper"));
        Self {
            home,
            flag: flag.to_owned(),
        }
    }

    fn answer(&self, verb: &str, stdin: &str) -> (bool, String) {
        let script = format!(
            "printf %s '{stdin}' | exec unshare {} \"$HOME/helper\" {verb}",
            self.flag
        );
        let output = std::process::Command::new("setpriv")
            .args([
                "--reuid=4321",
                "--regid=4321",
                "--clear-groups",
                "sh",
                "-c",
                &script,
            ])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .current_dir("/")
            .output()
            .expect("setpriv can be run");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }
}

#[test]
fn root_of_a_user_namespace_has_its_own_files_and_no_others() {
    require!(requirement::root());
    require!(program::find("setpriv"));
    let login = r#"{"ServerURL":"ghcr.io","Username":"u","Secret":"s"}"#;
    let namespace = Namespace::new("--map-root-user");
    assert_eq!(namespace.answer("store", login), (true, String::new()));
    assert!(namespace.answer("get", SERVER).0);
    let identity = namespace
        .home
        .path()
        .join(".config/docker-credential-age/identity.txt");
    // Root's files appear there as nobody's.
    chown(&identity, Some(0), Some(0)).expect("root owns all");
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o644)).expect("a mode");
    let (success, text) = namespace.answer("get", SERVER);
    assert!(!success && text.contains("belongs to another user"), "{text}");

    // If everybody has the same id, we don't know our own files.
    let nameless = Namespace::new("--user");
    let (success, text) = nameless.answer("store", login);
    assert!(!success && text.contains("belongs to another user"), "{text}");
}

#[test]
fn a_directory_for_temporary_files_is_root_s_in_a_namespace() {
    require!(requirement::root());
    require!(program::find("setpriv"));
    let login = r#"{"ServerURL":"ghcr.io","Username":"u","Secret":"s"}"#;
    let temporary = tempfile::Builder::new().tempdir_in("/tmp").expect("a directory");
    let in_store = |store: &Path| {
        let setting = format!("DOCKER_CREDENTIAL_AGE_DIR={}", store.display());
        Namespace::new(&format!("--map-root-user env {setting}")).answer("store", login)
    };
    chown(temporary.path(), Some(OTHER), Some(OTHER)).expect("root can give it away");
    assert_eq!(in_store(&temporary.path().join("store")), (true, String::new()));
    // Another directory of that kind may be anybody's.
    let shared = temporary.path().join("shared");
    fs::create_dir_all(shared.join("own")).expect("a directory");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).expect("a mode");
    chown(shared.join("own"), Some(OTHER), Some(OTHER)).expect("root can give it away");
    let (success, text) = in_store(&shared.join("own/store"));
    assert!(!success && text.contains("belongs to another user"), "{text}");
}

#[test]
fn doctor_promises_no_store_in_a_home_that_cannot_be_written_to() {
    require!(requirement::root());
    require!(program::find("setpriv"));
    let service = Namespace::new("");
    chown(service.home.path(), Some(0), Some(0)).expect("root owns all");
    fs::set_permissions(service.home.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let login = r#"{"ServerURL":"ghcr.io","Username":"u","Secret":"s"}"#;
    let (success, refusal) = service.answer("store", login);
    assert!(
        !success && refusal.contains("cannot create the store"),
        "{refusal}"
    );
    assert!(
        refusal.contains("; set HOME to a directory that you can write to"),
        "{refusal}"
    );
    let (success, text) = service.answer("doctor", "");
    assert!(!success && text.contains("cannot create the store"), "{text}");
    assert!(
        !text.contains("the first login creates") && !text.contains("fix: docker-credential-age"),
        "{text}"
    );
}

#[test]
fn doctor_opens_files_that_their_owner_has_closed() {
    require!(requirement::root());
    require!(program::find("setpriv"));
    let login = r#"{"ServerURL":"ghcr.io","Username":"u","Secret":"s"}"#;
    let service = Namespace::new("");
    assert_eq!(service.answer("store", login), (true, String::new()));
    for (name, fix) in [
        (".config/docker-credential-age/identity.txt", "chmod u+rw"),
        (".local/share/docker-credential-age/ghcr.io.age", "chmod u+rw"),
        (".local/share/docker-credential-age", "chmod u+rwx"),
    ] {
        let path = service.home.path().join(name);
        let mode = fs::metadata(&path).expect("a file").permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).expect("a mode");
        assert!(!service.answer("get", SERVER).0, "{name}");
        let (_, text) = service.answer("doctor", "");
        assert!(
            text.contains(&format!("fix: {fix} {}\n", path.display())),
            "{text}"
        );
        fs::set_permissions(&path, mode).expect("a mode");
    }
}

#[test]
fn doctor_takes_no_home_from_another_user() {
    require!(requirement::root());
    let place = Sandbox::new(docker_credential_tests::helper::AGE);
    fs::create_dir_all(place.path("home/.docker")).expect("a directory");
    fs::write(place.config_path(), "{}").expect("a file");
    for path in [
        place.path("home"),
        place.path("home/.docker"),
        place.config_path(),
    ] {
        chown(&path, Some(OTHER), Some(OTHER)).expect("root can give it away");
        let text = place.command(&["doctor"]).text();
        assert!(text.contains("belongs to another user"), "{text}");
        assert!(!text.contains("chown"), "{text}");
    }
    // What sudo left in our own home is ours to take.
    chown(place.path("home"), Some(0), Some(0)).expect("root owns all");
    let text = place.command(&["doctor"]).text();
    assert!(text.contains("fix: sudo chown -R"), "{text}");
}

/// Whether this helper trusts this state.
fn believes(subject: Subject, purpose: &Purpose, state: State) -> bool {
    let mut place = subject.place();
    let (file, directory) = (purpose.prepare)(&mut place);
    state.make(&file, &directory);
    (purpose.believes)(&place)
}

#[test]
fn what_others_own_or_can_write_is_not_believed() {
    require!(requirement::root());
    let mut mistakes = Vec::new();
    let (mut refused, mut believed) = (0, 0);
    for purpose in PURPOSES {
        for (states, expected) in [(purpose.wrong, false), (purpose.right, true)] {
            for state in states {
                if believes(Subject::Sound, purpose, *state) != expected {
                    mistakes.push(format!("{}: {state:?}", purpose.name));
                } else if expected {
                    believed += 1;
                } else {
                    refused += 1;
                }
            }
        }
    }
    report(
        "26 trust",
        &format!(
            "{refused} wrong states refused, {believed} right ones believed, {} mistakes",
            mistakes.len()
        ),
    );
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}

#[test]
fn control_a_helper_that_believes_all_is_caught() {
    require!(requirement::root());
    for purpose in PURPOSES {
        let Some(state) = purpose.wrong.first() else {
            continue;
        };
        assert!(
            believes(Subject::Broken("believes-all"), purpose, *state),
            "{}: {state:?}",
            purpose.name
        );
    }
}
