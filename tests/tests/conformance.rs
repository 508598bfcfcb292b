//! The conformance runner judges correctly: a correct helper passes, and each kind of fault is noticed.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use docker_credential_conformance::cli;
use docker_credential_conformance::report::{Report, table};
use docker_credential_conformance::run::{End, Helper, Input, Output, Run};
use docker_credential_conformance::{Class, Group, Mode, groups};
use tempfile::TempDir;

const REFERENCE: &str = env!("CARGO_BIN_EXE_docker-credential-reference");
const THROW_AWAY: Mode = Mode {
    read_only: false,
    throw_away: true,
};

/// The reference helper with its own store, with one fault or none.
struct Sandbox {
    directory: TempDir,
}

impl Sandbox {
    fn new() -> Self {
        Self {
            directory: TempDir::new().expect("a temporary directory"),
        }
    }

    fn state(&self) -> String {
        self.directory
            .path()
            .join("state")
            .to_str()
            .expect("a path in UTF-8")
            .to_owned()
    }

    fn helper(&self, variables: &[(&str, &str)]) -> Helper {
        let own = [("REFERENCE_STATE".to_owned(), self.state())];
        let more = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Helper::new(REFERENCE, own.into_iter().chain(more).collect())
    }

    fn broken(&self, fault: &str) -> Helper {
        self.helper(&[("REFERENCE_FAULT", fault)])
    }

    fn holds(&self, state: &str) {
        std::fs::write(self.state(), state).expect("the state is written");
    }

    fn held(&self) -> String {
        std::fs::read_to_string(self.state()).expect("the state is read")
    }
}

/// Somebody else's credential.
const FOREIGN: &str = r#"{"https://registry.example.com":["registry.example.com","somebody","something"]}"#;

#[test]
fn the_reference_passes_every_case() {
    let place = Sandbox::new();
    let report = Report::of(&place.helper(&[]), groups(), THROW_AWAY);
    assert!(report.is_clean(), "{}", report.to_text());
    assert_eq!(
        report.not_applicable(),
        ["erase-read-only", "errors-read-only-store"]
    );
}

#[test]
fn what_others_stored_stays_and_nothing_is_left_behind() {
    let place = Sandbox::new();
    place.holds(FOREIGN);
    let report = Report::of(&place.helper(&[]), groups(), Mode::default());
    assert!(report.is_clean(), "{}", report.to_text());
    assert_eq!(place.held(), FOREIGN);
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let place = Sandbox::new();
    std::thread::scope(|scope| {
        let runs = [(); 2].map(|()| {
            scope.spawn(|| {
                let some = only(&["protocol", "list", "erase", "concurrency"]);
                Report::of(&place.helper(&[]), some, Mode::default())
            })
        });
        for run in runs {
            let report = run.join().expect("a run");
            assert!(report.is_clean(), "{}", report.to_text());
        }
    });
    assert_eq!(place.held(), "{}");
}

#[test]
fn a_read_only_helper_is_judged_by_what_it_lists() {
    let place = Sandbox::new();
    place.holds(FOREIGN);
    let helper = place.helper(&[("REFERENCE_READ_ONLY", "1")]);
    let report = Report::of(
        &helper,
        groups(),
        Mode {
            read_only: true,
            throw_away: false,
        },
    );
    assert!(report.is_clean(), "{}", report.to_text());
    assert!(!report.not_applicable().contains(&"erase-read-only"));
    assert!(report.score(Class::Client).passed > 50, "{}", report.to_text());
    assert_eq!(place.held(), FOREIGN);
}

#[test]
fn what_a_read_only_helper_answers_is_in_no_report() {
    let place = Sandbox::new();
    place.holds(FOREIGN);
    let read_only = Mode {
        read_only: true,
        throw_away: false,
    };
    for fault in ["protocol", "oras", "leaking"] {
        let helper = place.helper(&[("REFERENCE_READ_ONLY", "1"), ("REFERENCE_FAULT", fault)]);
        let report = Report::of(&helper, groups(), read_only);
        assert!(!report.failed().is_empty(), "{fault}");
        for text in [report.to_text(), report.to_json()] {
            assert!(!text.contains("something"), "{fault}: {text}");
        }
    }
}

#[test]
fn each_group_notices_a_helper_that_is_broken_there() {
    for name in groups().iter().map(|group| group.name) {
        let place = Sandbox::new();
        let report = Report::of(&place.broken(name), only(&[name]), THROW_AWAY);
        assert!(
            !report.failed().is_empty(),
            "a helper with the fault {name} passes that group"
        );
    }
}

#[test]
fn every_case_fails_with_some_broken_helper() {
    let mut never_failed: BTreeSet<String> = groups()
        .into_iter()
        .flat_map(|group| group.cases)
        .map(|case| case.id)
        .collect();
    let read_only = Mode {
        read_only: true,
        throw_away: false,
    };
    for (fault, mode) in [
        ("deaf", THROW_AWAY),
        ("forgetful", THROW_AWAY),
        ("confused", THROW_AWAY),
        ("gruff", THROW_AWAY),
        ("matching", THROW_AWAY),
        ("deaf", read_only),
    ] {
        let place = Sandbox::new();
        let rest: Vec<&str> = never_failed.iter().map(String::as_str).collect();
        let report = Report::of(&place.broken(fault), only(&rest), mode);
        let failed: Vec<String> = report.failed().into_iter().map(str::to_owned).collect();
        never_failed.retain(|id| !failed.contains(id));
    }
    assert_eq!(never_failed.into_iter().collect::<Vec<_>>(), [] as [&str; 0]);
}

#[test]
fn a_helper_that_hangs_is_ended() {
    assert_eq!(version(&Sandbox::new().broken("hanging")).end, End::TimedOut);
}

#[test]
fn a_helper_that_prints_without_end_is_ended() {
    assert_eq!(version(&Sandbox::new().broken("flooding")).end, End::Flooded);
}

#[test]
fn what_cannot_be_erased_is_reported() {
    let place = Sandbox::new();
    let stuck = place.helper(&[("REFERENCE_FAULT", "sticky")]);
    let report = Report::of(&stuck, only(&["protocol-store-silent"]), Mode::default());
    assert!(!report.is_clean());
    assert!(
        report.to_text().contains("LEFT BEHIND: `c1-0.dcc-"),
        "{}",
        report.to_text()
    );
}

#[test]
fn ids_are_unique_and_begin_with_their_group() {
    let mut seen = BTreeSet::new();
    for case in groups().iter().flat_map(|group| &group.cases) {
        assert!(seen.insert(case.id.clone()), "{} is there twice", case.id);
        assert!(case.id.starts_with(&format!("{}-", case.group)), "{}", case.id);
        assert!(
            case.id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        );
        assert!(case.says.ends_with('.') && !case.source.is_empty(), "{}", case.id);
    }
}

#[test]
fn the_specification_has_the_tables_of_the_cases() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let text = std::fs::read_to_string(path).expect("docs/protocol.md is read");
    let classes = Class::ALL.map(|class| format!(" | {class} | "));
    let is_case = |line: &&str| line.starts_with("| `") && classes.iter().any(|class| line.contains(class));
    let mut rows = text.lines().filter(is_case).count();
    for group in groups() {
        assert!(
            text.contains(&format!("<!-- cases: {} -->\n{}", group.name, table(&group))),
            "docs/protocol.md is behind the cases: put the output of `docker-credential-conformance --list --only {0}` \
             after the line <!-- cases: {0} -->",
            group.name
        );
        rows -= group.cases.len();
    }
    assert_eq!(rows, 0, "docs/protocol.md has cases that don't exist any more");
}

#[test]
fn the_runner_exits_0_when_every_case_passes() {
    let run = runner(
        &Sandbox::new(),
        "",
        &["--only", "protocol", "--only", "list-stored"],
    );
    assert_eq!(run.code, cli::PASSED);
    let text = String::from_utf8(run.stdout).expect("text");
    assert!(
        text.starts_with("| docker-credential-reference | client | reference | stricter |\n"),
        "{text}"
    );
    assert!(text.contains("| list | 1/1 | – | – |\n"), "{text}");
}

#[test]
fn the_runner_exits_1_and_says_what_it_saw_when_a_case_fails() {
    let run = runner(
        &Sandbox::new(),
        "testcontainers-java",
        &["--only", "protocol-not-found"],
    );
    assert_eq!(run.code, cli::FAILED);
    let text = String::from_utf8(run.stdout).expect("text");
    assert!(text.starts_with("FAIL protocol-not-found (client): "), "{text}");
    assert!(
        text.contains("saw exit 2, `credentials not found in native keychain\\n` on stdout"),
        "{text}"
    );
}

#[test]
fn the_runner_exits_2_when_it_is_called_wrongly() {
    for arguments in [
        &["--frobnicate"][..],
        &["--only", "nonsense"],
        &["--env", "x"],
        &["one-more"],
    ] {
        let run = runner(&Sandbox::new(), "", arguments);
        assert_eq!(run.code, cli::WRONG_CALL, "{arguments:?}");
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{arguments:?}");
    }
    let missing = call(["/nonexistent/docker-credential-none".into()]);
    assert_eq!(missing.code, cli::WRONG_CALL);
}

#[test]
fn the_runner_prints_json() {
    let run = runner(
        &Sandbox::new(),
        "docker",
        &["--json", "--only", "docker-missing", "--only", "docker-found"],
    );
    assert_eq!(run.code, cli::FAILED);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(
        report["scores"]["client"],
        serde_json::json!({ "passed": 1, "of": 2 })
    );
    let members = report.as_object().expect("an object").keys();
    assert_eq!(
        members.map(String::as_str).collect::<Vec<_>>(),
        ["schema", "helper", "label", "scores", "left_behind", "cases"]
    );
    assert_eq!(report["schema"], 1);
    assert_eq!(report["cases"][0]["id"], "docker-found");
    assert_eq!(report["cases"][0]["result"], "passed");
    assert_eq!(report["cases"][1]["result"], "failed");
}

/// The outcome of the command.
struct Finished {
    code: u8,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

fn runner(sandbox: &Sandbox, fault: &str, arguments: &[&str]) -> Finished {
    let own = [
        REFERENCE.to_owned(),
        "--env".into(),
        format!("REFERENCE_STATE={}", sandbox.state()),
        "--env".into(),
        format!("REFERENCE_FAULT={fault}"),
    ];
    let more = arguments.iter().map(|argument| (*argument).to_owned());
    call(own.into_iter().chain(more).map(OsString::from))
}

fn call(arguments: impl IntoIterator<Item = OsString>) -> Finished {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = cli::run(arguments, &mut stdout, &mut stderr);
    Finished { code, stdout, stderr }
}

fn version(helper: &Helper) -> Run {
    helper
        .run(&["version".as_ref()], Input::Bytes(Vec::new()), Output::Apart)
        .expect("the helper runs")
}

/// The cases with these groups or ids.
fn only(names: &[&str]) -> Vec<Group> {
    let mut groups = groups();
    for group in &mut groups {
        let whole = names.contains(&group.name);
        group
            .cases
            .retain(|case| whole || names.contains(&case.id.as_str()));
    }
    groups
}
