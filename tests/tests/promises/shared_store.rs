//! A store that people share through git only leaks to approved recipients, and doesn't lose logins, whatever
//! an attacker with write access does: a removed colleague, a leaked deploy key, a pull request.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use docker_credential_tests::login::Login;
use docker_credential_tests::program::{self, Outcome};
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::json;

use crate::broken::Subject;
use crate::scale::report;

const SERVERS: [&str; 3] = ["a.example", "b.example", "c.example"];

/// Ann and Bob share a store, and Mallory can push to its repository.
struct Team {
    _directory: tempfile::TempDir,
    root: PathBuf,
    ann: Person,
    bob: Person,
    mallory: Person,
}

/// Somebody with a home, a key and a clone.
struct Person {
    place: Sandbox,
    clone: PathBuf,
    key: String,
}

impl Person {
    fn new(subject: Subject, root: &Path, name: &str) -> Self {
        let mut place = subject.place();
        let clone = root.join(name);
        place.set("DOCKER_CREDENTIAL_AGE_DIR", &clone);
        for (variable, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", "x@example"),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", "x@example"),
        ] {
            place.set(variable, value);
        }
        let made = place.run(place.program()).args(["identity", "new"]).outcome();
        made.assert_success("identity new");
        let key = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        Self { place, clone, key }
    }

    fn command(&self, words: &[&str]) -> Outcome {
        self.place.run(self.place.program()).args(words).outcome()
    }

    fn git(&self, words: &[&str]) -> Outcome {
        self.place
            .run("git")
            .arg("-C")
            .arg(&self.clone)
            .args(words)
            .outcome()
    }

    fn clone_from(&self, remote: &Path) {
        let cloned = self
            .place
            .run("git")
            .arg("clone")
            .arg("-q")
            .arg(remote)
            .arg(&self.clone);
        cloned.outcome().assert_success("git clone");
    }

    fn publish(&self) {
        self.git(&["add", "-A"]).assert_success("git add");
        self.git(&["commit", "-qm", "x"]).assert_success("git commit");
        self.git(&["push", "-q", "origin", "HEAD:main"])
            .assert_success("git push");
    }

    fn pull(&self) {
        self.git(&["pull", "-q", "--no-rebase", "origin", "main"])
            .assert_success("git pull");
    }

    fn approve(&self) {
        self.command(&["recipients", "approve", "--yes"])
            .assert_success("recipients approve");
    }

    fn try_store(&self, server: &str) -> Outcome {
        let request = json!({ "ServerURL": server, "Username": "team", "Secret": secret(server) });
        self.place.verb("store", &request.to_string())
    }

    /// The number of files in a clone that this person's key opens.
    fn can_read(&self, clone: &Path) -> usize {
        let opened = |server: &&&str| {
            let run = self.place.run(self.place.program()).arg("get").stdin(**server);
            let answer = run.env("DOCKER_CREDENTIAL_AGE_DIR", clone).outcome();
            answer.text().contains(&secret(server))
        };
        SERVERS.iter().chain(&["new.example"]).filter(opened).count()
    }

    fn lists(&self, server: &str, key: &str) {
        let path = self.clone.join(".age-recipients");
        let list = fs::read_to_string(&path).expect("the store is shared");
        fs::write(&path, format!("{list}# {server}\n{key}\n")).expect("the list can be changed");
    }
}

fn secret(server: &str) -> String {
    format!("secret of {server}")
}

impl Team {
    fn new(subject: Subject) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("team-")
            .tempdir()
            .expect("a directory");
        let root = directory.path().to_owned();
        let [ann, bob, mallory] = ["ann", "bob", "mallory"].map(|name| Person::new(subject, &root, name));
        let remote = root.join("remote");
        let made = ann
            .place
            .run("git")
            .args(["init", "-q", "--bare", "-b", "main"])
            .arg(&remote);
        made.outcome().assert_success("git init");
        ann.clone_from(&remote);
        for server in SERVERS {
            ann.try_store(server).assert_success("store");
        }
        ann.command(&["recipients", "add", "--name", "bob", &bob.key])
            .assert_success("recipients add");
        ann.publish();
        bob.clone_from(&remote);
        bob.approve();
        mallory.clone_from(&remote);
        Self {
            _directory: directory,
            root,
            ann,
            bob,
            mallory,
        }
    }

    /// Mallory was a member once, and the passwords that she could read were changed since.
    fn with_a_former_member(subject: Subject) -> Self {
        let team = Self::new(subject);
        team.ann
            .command(&["recipients", "add", "--name", "mallory", &team.mallory.key])
            .assert_success("recipients add");
        team.ann.publish();
        team.bob.pull();
        team.bob.approve();
        team.ann
            .command(&["recipients", "remove", &team.mallory.key])
            .assert_success("recipients remove");
        team.ann.publish();
        team.bob.pull();
        // His actions before she is back.
        team.bob
            .place
            .assert_answers(SERVERS[0], &Login::new("team", &secret(SERVERS[0])));
        team.mallory.pull();
        team
    }

    /// A member's everyday actions.
    fn carry_on(&self) {
        for member in [&self.ann, &self.bob] {
            let _ = member.try_store("new.example");
            let _ = member.command(&["rekey"]);
            let _ = member.command(&["doctor"]);
            let _ = member.command(&["recipients", "add", &member.key]);
        }
    }

    /// The number of secrets that she reads, and of logins that the members can't read any more.
    fn damage(&self) -> (usize, usize) {
        let clones = self.root.read_dir().expect("the clones").flatten();
        let read = clones.map(|clone| self.mallory.can_read(&clone.path())).sum();
        let lost =
            [&self.ann, &self.bob].map(|member| SERVERS.len().saturating_sub(member.can_read(&member.clone)));
        (read, lost.iter().sum())
    }
}

/// Mallory's actions, and then the others'.
type Attack = fn(Subject) -> Team;

fn comes_back(subject: Subject) -> Team {
    let team = Team::with_a_former_member(subject);
    team.mallory.lists("mallory", &team.mallory.key);
    team.mallory.publish();
    team.ann.pull();
    team.bob.pull();
    team.carry_on();
    team
}

fn slips_in(subject: Subject) -> Team {
    let team = Team::new(subject);
    // Under a familiar name.
    team.mallory.lists("bob", &team.mallory.key);
    team.mallory.publish();
    team.ann.pull();
    team.bob.pull();
    team.carry_on();
    team
}

fn waits_in_a_new_clone(subject: Subject) -> Team {
    let mut team = slips_in(subject);
    for member in [&mut team.ann, &mut team.bob] {
        member.clone = team.root.join(format!("new-{}", &member.key[..12]));
        member.clone_from(&team.root.join("remote"));
        member.place.set("DOCKER_CREDENTIAL_AGE_DIR", &member.clone);
    }
    team.carry_on();
    team
}

fn waits_in_a_moved_clone(subject: Subject) -> Team {
    let mut team = Team::new(subject);
    team.mallory.lists("carl", &team.mallory.key);
    team.mallory.publish();
    team.ann.pull();
    let moved = team.root.join("moved");
    fs::rename(&team.ann.clone, &moved).expect("a clone can be moved");
    team.ann.clone = moved;
    team.ann.place.set("DOCKER_CREDENTIAL_AGE_DIR", &team.ann.clone);
    team.carry_on();
    team
}

fn names_a_plugin(subject: Subject) -> Team {
    let team = Team::new(subject);
    let trap = "#!/bin/sh\n: >\"$HOME/trapped\"\n";
    for member in [&team.ann, &team.bob] {
        let plugin = member.place.path("bin/age-plugin-evil");
        fs::write(&plugin, trap).expect("a plugin");
        fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).expect("a plugin");
    }
    team.mallory.lists("carl", "age1evil1qqqsyqcyyyndc9");
    team.mallory.publish();
    team.ann.pull();
    team.bob.pull();
    team.carry_on();
    for member in [&team.ann, &team.bob] {
        assert!(
            !member.place.path("home/trapped").exists(),
            "a plugin of the list was run"
        );
    }
    team
}

fn plants_files(subject: Subject) -> Team {
    let team = Team::with_a_former_member(subject);
    let header = "-> X25519 AAAA\nAAAA\n".repeat(6_000);
    let planted = format!("age-encryption.org/v1\n{header}--- {}\n", "A".repeat(43));
    let long = format!("{}.age", "a".repeat(251));
    for name in ["new.example.age", "GHCR.IO.age", &long] {
        fs::write(team.mallory.clone.join(name), &planted).expect("a file in her clone");
    }
    team.mallory.publish();
    for member in [&team.ann, &team.bob] {
        member.pull();
        member.place.verb("list", "").assert_success("list");
        member.try_store("new.example").assert_success("a login over it");
    }
    team.ann.command(&["rekey"]).assert_success("rekey");
    team.ann
        .command(&["recipients", "remove", &team.bob.key])
        .assert_success("nobody has a veto");
    team.ann
        .command(&["recipients", "add", &team.bob.key])
        .assert_success("recipients add");
    for entry in team.ann.clone.read_dir().expect("the clone").flatten() {
        if entry.file_name() != ".git" {
            let _ = fs::copy(entry.path(), team.bob.clone.join(entry.file_name()));
        }
    }
    team
}

const ATTACKS: [(&str, Attack); 6] = [
    ("comes back", comes_back),
    ("slips in", slips_in),
    ("waits in a new clone", waits_in_a_new_clone),
    ("waits in a moved clone", waits_in_a_moved_clone),
    ("names a plugin", names_a_plugin),
    ("plants files", plants_files),
];

#[test]
fn somebody_who_can_write_to_a_store_reads_nothing_and_destroys_nothing() {
    require!(program::find("git"));
    for (name, attack) in ATTACKS {
        assert_eq!(
            attack(Subject::Sound).damage(),
            (0, 0),
            "(read, lost) when she {name}"
        );
    }
    let attacks = ATTACKS.len();
    report(
        "27 a shared store",
        &format!("{attacks} attacks: 0 secrets read, 0 logins lost"),
    );
}

#[test]
fn control_a_helper_that_trusts_what_it_sees_is_caught() {
    require!(program::find("git"));
    for attack in [comes_back, slips_in, waits_in_a_new_clone, waits_in_a_moved_clone] {
        let (read, _) = attack(Subject::Broken("approves-all")).damage();
        assert!(read > 0, "she reads something");
    }
}

/// Two clones change the same 40 logins and merge; returns the number of entries with git's conflict markers.
fn merge(with_attributes: bool) -> usize {
    let team = Team::new(Subject::Sound);
    let servers: Vec<String> = (0..40).map(|number| format!("r{number}.example")).collect();
    let attributes = team.ann.clone.join(".gitattributes");
    if !with_attributes {
        fs::write(&attributes, "").expect("attributes");
    }
    for server in &servers {
        team.ann.try_store(server).assert_success("store");
    }
    team.ann.publish();
    team.bob.pull();
    for member in [&team.ann, &team.bob] {
        for server in &servers {
            member.try_store(server).assert_success("store");
        }
    }
    team.ann.publish();
    team.bob
        .git(&["commit", "-qam", "x"])
        .assert_success("git commit");
    let merged = team.bob.git(&["pull", "-q", "--no-rebase", "origin", "main"]);
    assert_ne!(merged.code, Some(0), "both have changed everything");
    let is_torn = |server: &&String| {
        let entry = fs::read(team.bob.clone.join(format!("{server}.age"))).expect("an entry");
        let is_torn = entry.windows(8).any(|window| window == b"<<<<<<< ");
        let answer = team.bob.place.verb("get", server);
        assert_eq!(answer.code == Some(0), !is_torn, "{server}: {answer:?}");
        is_torn
    };
    servers.iter().filter(is_torn).count()
}

#[test]
fn a_merge_of_two_clones_damages_no_entry() {
    require!(program::find("git"));
    assert_eq!(merge(true), 0);
}

#[test]
fn control_a_merge_without_attributes_damages_some() {
    require!(program::find("git"));
    assert!(merge(false) > 0);
}
