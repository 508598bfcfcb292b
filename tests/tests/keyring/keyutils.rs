//! docker-credential-keyring with the kernel's keyring. All tests share the user's keyring, so each uses its
//! own servers.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use docker_credential_tests::helper::KEYRING_ALONE;
use docker_credential_tests::login::{Login, alice};
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::require;
use docker_credential_tests::requirement::{self, Missing};
use docker_credential_tests::sandbox::{NOT_FOUND, Sandbox};
use linux_keyutils::{Key, KeyRing, KeyRingIdentifier, KeySerialId};
use serde_json::{Value, json};

/// A sandbox without a bus, whose helper uses the kernel's keyring; it erases the test's logins at the end.
struct Kernel {
    place: Sandbox,
    mark: String,
}

impl Kernel {
    fn start() -> Result<Self, Missing> {
        let mut place = Sandbox::new(KEYRING_ALONE);
        place.set("DOCKER_CREDENTIAL_KEYRING_BACKEND", "keyutils");
        // From the temporary directory's name, so that tests and their runs don't collide.
        let name = place.path("");
        let mark = name
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .replace(['-', '_'], "")
            .to_lowercase();
        let kernel = Self { place, mark };
        match kernel.place.verb("list", "unused") {
            list if list.code == Some(0) => Ok(kernel),
            _ => Err(Missing::new("a kernel with keyrings, and leave to use them")),
        }
    }

    fn server(&self, name: &str) -> String {
        format!("{}.example/{name}", self.mark)
    }

    fn store(&self, server: &str, login: &Login) -> Outcome {
        let request = login.credential(server);
        self.place.verb("store", &request.to_string())
    }

    /// The output of a management command.
    fn command(&self, arguments: &[&str]) -> String {
        let program = self.place.helper().program();
        let outcome = self.place.run(program).args(arguments).outcome();
        String::from_utf8(outcome.stdout).expect("UTF-8")
    }

    /// Runs a script in which `$0` is the helper, by `unshare` with these options.
    fn unshared(&self, options: &[&str], script: &str) -> Outcome {
        self.place
            .run("unshare")
            .args(options)
            .args(["sh", "-c", script])
            .arg(self.place.helper().program())
            .outcome()
    }

    /// Runs a verb as a user, by `setpriv`.
    fn verb_as(&self, setpriv: &Path, uid: u32, verb: &str, stdin: &str) -> Outcome {
        let uid = uid.to_string();
        self.place
            .run(setpriv)
            .args(["--reuid", &uid, "--regid", &uid, "--clear-groups"])
            .arg(program_for_all(&self.place))
            .arg(verb)
            .stdin(stdin)
            .outcome()
    }

    fn listed(&self) -> Vec<(String, String)> {
        let list = self.place.verb("list", "unused");
        list.assert_success("list");
        let list: Value = serde_json::from_slice(&list.stdout).expect("JSON");
        let list = list.as_object().expect("an object");
        list.iter()
            .filter(|(server, _)| server.contains(&self.mark))
            .map(|(server, user)| (server.clone(), user.as_str().expect("a string").to_owned()))
            .collect()
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        for (server, _) in self.listed() {
            self.place.verb("erase", &server).assert_success("erase");
        }
    }
}

#[test]
fn all_four_verbs_work_without_a_bus() {
    let kernel = require!(Kernel::start());
    let server = kernel.server("a");
    kernel.place.assert_not_found(&server);
    let stored = kernel.store(&server, &alice());
    stored.assert_success("store");
    assert!(stored.stdout.is_empty(), "{stored:?}");
    assert!(
        stored.text().contains("gone after a reboot"),
        "it says so at once\n{stored:?}"
    );
    kernel.place.assert_answers(&server, &alice());
    kernel
        .place
        .assert_answers(&format!("https://{server}/"), &alice());
    assert_eq!(kernel.listed(), [(server.clone(), "alice".to_owned())]);
    kernel.place.verb("erase", &server).assert_success("erase");
    kernel.place.assert_not_found(&server);
    assert_eq!(kernel.listed(), []);
    kernel
        .place
        .verb("erase", &server)
        .assert_success("erase of what is not there");
}

#[test]
fn every_secret_comes_back_byte_for_byte() {
    let kernel = require!(Kernel::start());
    let mut logins = Login::every();
    logins.push(Login::new("empty", ""));
    logins.push(Login::new("nul", "one\0two\0"));
    // More than one key can hold. The limit for an ordinary user's keys is 20,000 bytes in total.
    let length = if requirement::root().is_ok() {
        40_000
    } else {
        4_000
    };
    logins.push(Login::new("<token>", &"ü".repeat(length)));
    for login in logins {
        let server = kernel.server("a");
        kernel.store(&server, &login).assert_success("store");
        kernel.place.assert_answers(&server, &login);
        assert_eq!(kernel.listed(), [(server, login.username)]);
    }
}

#[test]
fn servers_that_differ_in_case_only_where_it_matters_are_two() {
    let kernel = require!(Kernel::start());
    let [lower, upper] = ["a", "A"].map(|path| kernel.server(path));
    kernel.store(&lower, &alice()).assert_success("store");
    kernel.place.assert_not_found(&upper);
    kernel
        .store(&upper, &Login::new("bob", "other"))
        .assert_success("store");
    kernel.place.assert_answers(&lower, &alice());
    assert_eq!(kernel.listed().len(), 2);
}

/// The crate panics if any key has a name of more than about 480 bytes.
#[test]
fn a_long_name_is_listed_and_hinders_no_other() {
    let kernel = require!(Kernel::start());
    let long = kernel.server("team/".repeat(200).trim_end_matches('/'));
    let short = kernel.server("short");
    for server in [&long, &short] {
        kernel.store(server, &alice()).assert_success("store");
    }
    let mut expected = [&long, &short].map(|server| (server.clone(), "alice".to_owned()));
    expected.sort();
    let mut listed = kernel.listed();
    listed.sort();
    assert_eq!(listed, expected);
    kernel.place.verb("erase", &short).assert_success("erase");
    kernel.place.assert_answers(&long, &alice());
}

#[test]
fn a_revoked_key_is_told_and_can_be_replaced() {
    let kernel = require!(Kernel::start());
    let server = kernel.server("a");
    kernel.store(&server, &alice()).assert_success("store");
    revoke(&server);
    let answer = kernel.place.verb("get", &server);
    assert!(answer.code == Some(1) && answer.stdout != NOT_FOUND, "{answer:?}");
    assert!(answer.text().contains("log in to it again"), "{answer:?}");
    assert_eq!(kernel.listed(), []);
    let doctor = kernel.command(&["doctor"]);
    assert!(doctor.contains(&server), "doctor names it: {doctor}");
    let status: Value = serde_json::from_str(&kernel.command(&["status", "--json"])).expect("JSON");
    // Other tests may also have revoked keys.
    assert!(
        status["unreadable"].as_u64().is_some_and(|count| count > 0),
        "{status}"
    );
    kernel.store(&server, &alice()).assert_success("store");
    kernel.place.assert_answers(&server, &alice());
    revoke(&server);
    kernel.place.verb("erase", &server).assert_success("erase");
    kernel.place.assert_not_found(&server);
}

#[test]
fn no_verb_fails_because_of_another_at_the_same_time() {
    let kernel = require!(Kernel::start());
    let server = kernel.server("a");
    let request = json!({ "ServerURL": server, "Username": "alice", "Secret": "secret" }).to_string();
    let jobs = [
        ("store", request.as_str()),
        ("erase", &server),
        ("erase", &server),
        ("get", &server),
        ("list", "unused"),
    ];
    std::thread::scope(|scope| {
        for (verb, stdin) in jobs {
            let kernel = &kernel;
            scope.spawn(move || {
                for _ in 0..500 {
                    let outcome = kernel.place.verb(verb, stdin);
                    let is_miss = verb == "get" && outcome.stdout == NOT_FOUND;
                    assert!(outcome.code == Some(0) || is_miss, "{verb}: {outcome:?}");
                }
            });
        }
    });
}

#[test]
fn a_full_keyring_names_its_limits_and_keeps_its_logins() {
    require!(requirement::root());
    let setpriv = require!(find("setpriv"));
    let kernel = require!(Kernel::start());
    // A separate user id, whose keys are counted separately; it doesn't need an account.
    let uid = 200_000 + std::process::id() % 100_000;
    let run = |verb: &str, stdin: String| kernel.verb_as(&setpriv, uid, verb, &stdin);
    let server = |number: usize| kernel.server(&number.to_string());
    let request = |number: usize| {
        json!({ "ServerURL": server(number), "Username": "u", "Secret": "x".repeat(3000) }).to_string()
    };
    let refused = (0..300)
        .find(|number| run("store", request(*number)).code != Some(0))
        .expect("some login is one too many");
    let full = run("store", request(refused));
    let text = String::from_utf8_lossy(&full.stdout).into_owned();
    for limit in ["maxkeys", "maxbytes"] {
        let limit = fs::read_to_string(format!("/proc/sys/kernel/keys/{limit}")).expect("a limit");
        assert!(text.contains(limit.trim()), "it names {limit}: {text}");
    }
    assert!(!text.contains("xxx"));
    assert_eq!(run("get", server(refused)).stdout, NOT_FOUND);
    for number in 0..refused {
        run("get", server(number)).assert_success("what was stored before");
        run("erase", server(number)).assert_success("erase");
    }
    assert_eq!(run("list", String::new()).stdout, b"{}\n");
}

#[test]
fn a_keyring_that_other_programs_fill_is_not_an_empty_one() {
    require!(requirement::root());
    let setpriv = require!(find("setpriv"));
    let kernel = require!(Kernel::start());
    let uid = 300_000 + std::process::id() % 100_000;
    let run = |verb: &str, stdin: &str| kernel.verb_as(&setpriv, uid, verb, stdin);
    let server = kernel.server("a");
    run("store", &alice().credential(&server).to_string()).assert_success("store");
    let filler = Filler::start(&kernel.place, uid);
    for verb in ["get", "list", "erase"] {
        let outcome = run(verb, &server);
        let text = String::from_utf8_lossy(&outcome.stdout);
        assert!(
            outcome.code == Some(1) && text.contains("remove keys of other programs"),
            "a logout can't help: {outcome:?}"
        );
    }
    drop(filler);
    run("get", &server).assert_success("the login is still there");
    run("erase", &server).assert_success("erase");
}

#[test]
fn a_user_namespace_has_its_own_keyring_and_says_so() {
    let kernel = require!(Kernel::start());
    require!(unshares(&kernel, &["-r"], "true"));
    let server = kernel.server("a");
    kernel.store(&server, &alice()).assert_success("store");
    for verb in ["get", "list", "erase"] {
        let outcome = kernel.unshared(&["-r"], &format!("echo {server} | $0 {verb}"));
        assert_eq!(outcome.code, Some(1), "{verb}: {outcome:?}");
        assert!(outcome.text().contains("this user namespace"), "{outcome:?}");
    }
    kernel.place.assert_answers(&server, &alice());
    let request = Login::new("bob", "inside").credential(&server);
    let script = format!("echo '{request}' | $0 store && $0 list && echo {server} | $0 erase");
    let inside = kernel.unshared(&["-r"], &script);
    inside.assert_success("a login inside");
    assert!(
        inside.text().contains("when this user namespace ends"),
        "{inside:?}"
    );
    assert_eq!(inside.stdout, format!("{{\"{server}\":\"bob\"}}\n").as_bytes());
    kernel.place.assert_answers(&server, &alice());
}

/// Containers hide `/proc/keys`, without which single logins can be read but not listed.
#[test]
fn a_hidden_list_of_keys_is_not_an_empty_one() {
    require!(requirement::root());
    let kernel = require!(Kernel::start());
    let hide = "mount --bind /dev/null /proc/keys";
    require!(unshares(&kernel, &["-m"], hide));
    let server = kernel.server("a");
    kernel.store(&server, &alice()).assert_success("store");
    for verb in ["list", "erase"] {
        let hidden = kernel.unshared(&["-m"], &format!("{hide} && echo {server} | $0 {verb}"));
        assert_eq!(hidden.code, Some(1), "{verb}: {hidden:?}");
        assert!(
            hidden.text().contains("this container hides /proc/keys"),
            "{hidden:?}"
        );
    }
    kernel.store(&server, &alice()).assert_success("store");
    let get = kernel.unshared(&["-m"], &format!("{hide} && echo {server} | $0 get"));
    get.assert_success("get");
}

/// Another program that uses up a user's quota of kernel keys; dropping it removes its keys.
struct Filler(std::process::Child);

impl Filler {
    fn start(place: &Sandbox, uid: u32) -> Self {
        use std::os::unix::process::CommandExt as _;
        let program = place.path("filler");
        docker_credential_tests::program::copy(Path::new(env!("CARGO_BIN_EXE_other-user")), &program);
        let mut child = Command::new(program)
            .arg("fill")
            .uid(uid)
            .gid(uid)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another user's program can be run");
        let mut ready = [0; 5];
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_exact(&mut ready).expect("it fills the quota");
        Self(child)
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Whether this process may create such namespaces, and run the script in them.
fn unshares(kernel: &Kernel, options: &[&str], script: &str) -> Result<(), Missing> {
    find("unshare")?;
    match kernel.unshared(options, script).code {
        Some(0) => Ok(()),
        _ => Err(Missing::new("a kernel that lets this user make namespaces")),
    }
}

/// A copy of the helper that every user can run.
fn program_for_all(place: &Sandbox) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let program = place.path("docker-credential-keyring");
    if !program.exists() {
        fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).expect("the place is ours");
        docker_credential_tests::program::copy(&place.helper().program(), &program);
    }
    program
}

/// Revokes the key of a server, as `keyctl revoke` does.
fn revoke(server: &str) {
    let keys = fs::read_to_string("/proc/keys").expect("the kernel lists its keys");
    // A key that was revoked before stays in the table until the kernel's collector runs; its flags, the
    // second column, contain an R (keyrings(7), proc(5)).
    let id = keys
        .lines()
        .filter(|line| line.contains(server))
        .filter_map(|line| line.split_once(' '))
        .find(|(_, rest)| {
            !rest
                .split(' ')
                .next()
                .is_some_and(|flags| flags.contains(['R', 'D']))
        })
        .map(|(id, _)| id)
        .expect("a living key of the server");
    let id = i32::from_str_radix(id, 16).expect("a number");
    // Only a possessor of a key may revoke it.
    let thread = KeyRing::from_special_id(KeyRingIdentifier::Thread, true).expect("a keyring of this thread");
    let _ = KeyRing::get_persistent(KeyRingIdentifier::Thread);
    let user = KeyRing::from_special_id(KeyRingIdentifier::User, false).expect("a keyring of this user");
    thread.link_keyring(user).expect("a link");
    Key::from_id(KeySerialId(id))
        .revoke()
        .expect("the key can be revoked");
}
