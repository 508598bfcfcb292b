//! Promise 30: advice helps. In each state of a machine, this runs every command that `doctor` shows in a
//! shell, as shown, until there are none left. The finding must be gone and never return, no readable login
//! may be lost, and no new error may appear.

mod states;

use std::collections::BTreeSet;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::{self, files_under};
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::Value;

use self::states::{STATES, State};

/// More rounds than any state needs.
const ROUNDS: usize = 12;

#[test]
fn every_command_that_doctor_shows_fixes_what_it_is_shown_for() {
    // Three states are about podman.
    require!(program::find("podman"));
    let failures: Vec<String> = STATES
        .iter()
        .filter_map(|state| {
            let judged = judge(state, str::to_owned);
            judged.err().map(|problem| format!("{}: {problem}", state.name))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        STATES.len(),
        failures.join("\n")
    );
}

#[test]
fn control_an_advice_that_does_nothing_is_noticed() {
    let judged = judge(state("plain text while docker uses the helper"), |_| {
        "true".to_owned()
    });
    assert!(judged.is_err_and(|problem| problem.contains("is still there")));
}

#[test]
fn control_an_advice_that_loses_a_login_is_noticed() {
    let judged = judge(state("plain text while docker uses the helper"), |_| {
        "rm -r ~/.docker \"$XDG_DATA_HOME\"".to_owned()
    });
    assert!(judged.is_err_and(|problem| problem.contains("is lost")));
}

fn state(name: &str) -> &'static State {
    STATES
        .iter()
        .find(|state| state.name == name)
        .expect("a state of that name")
}

/// Runs doctor's commands, changed by `edit`.
fn judge(state: &State, edit: impl Fn(&str) -> String) -> Result<(), String> {
    let mut sandbox = states::healthy();
    (state.prepare)(&mut sandbox);
    let before = readable(&sandbox);
    // Commands that only affect their shell: variables.
    let mut shell = String::new();
    let mut findings = doctor(&sandbox, &shell)?;
    if !state.expected.is_empty() && !findings.iter().any(|finding| finding.check == state.expected) {
        return Err(format!(
            "doctor does not find {:?}: {findings:#?}",
            state.expected
        ));
    }
    if state.expected.is_empty() && !findings.is_empty() {
        return Err(format!("doctor finds what is not there: {findings:#?}"));
    }
    let mut fixed: Vec<Found> = Vec::new();
    for _ in 0..ROUNDS {
        let Some((finding, command)) = findings
            .iter()
            .find_map(|finding| Some((finding.clone(), edit(finding.fix.as_ref()?))))
        else {
            return leaves_no_trace(&sandbox);
        };
        if fixed.contains(&finding) {
            return Err(format!("{finding:#?} came back"));
        }
        let now = if is_for_the_shell(&command) {
            shell += &command;
            shell.push('\n');
            doctor(&sandbox, &shell)?
        } else {
            let script = format!("{shell}{command}");
            let run = sandbox.run("sh").args(["-c", &script]).outcome();
            // `import` exits with 1 if it leaves a login; the finding must still be gone.
            let now = doctor(&sandbox, &shell)?;
            if run.code != Some(0) && now.contains(&finding) {
                return Err(format!("{command:?} failed: {run:?}"));
            }
            now
        };
        if now.contains(&finding) {
            return Err(format!("after {command:?} this is still there: {finding:#?}"));
        }
        let is_new = |found: &&Found| found.is_error && !findings.contains(found);
        // An unreadable file hid its content.
        if let Some(new) = now.iter().find(is_new).filter(|_| !finding.is_error) {
            return Err(format!("after {command:?} this is new: {new:#?}"));
        }
        let after = readable(&sandbox);
        if let Some(lost) = before.difference(&after).next() {
            return Err(format!("after {command:?} the login {lost:?} is lost"));
        }
        fixed.push(finding);
        findings = now;
    }
    Err(format!("no end of advice: {findings:#?}"))
}

fn is_for_the_shell(command: &str) -> bool {
    ["export ", "unset "].iter().any(|word| command.starts_with(word))
}

/// Hostile names in the states would create this file.
fn leaves_no_trace(sandbox: &Sandbox) -> Result<(), String> {
    let is_there = files_under(&sandbox.path("."))
        .into_iter()
        .any(|(path, _)| path.file_name().is_some_and(|name| name == "pwned"));
    if is_there {
        Err("a name was run as a command".to_owned())
    } else {
        Ok(())
    }
}

/// A warning or an error.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    is_error: bool,
    check: String,
    text: String,
    fix: Option<String>,
}

fn doctor(sandbox: &Sandbox, shell: &str) -> Result<Vec<Found>, String> {
    let script = format!("{shell}exec {} doctor --json", AGE.program().display());
    let outcome = sandbox.run("sh").args(["-c", &script]).outcome();
    let found: Vec<Value> =
        serde_json::from_slice(&outcome.stdout).map_err(|error| format!("doctor: {error}: {outcome:?}"))?;
    let text = |finding: &Value, key: &str| finding[key].as_str().map(str::to_owned);
    Ok(found
        .iter()
        .filter(|finding| finding["level"] != "ok")
        .map(|finding| Found {
            is_error: finding["level"] == "error",
            check: text(finding, "check").unwrap_or_default(),
            text: text(finding, "text").unwrap_or_default(),
            fix: text(finding, "fix"),
        })
        .collect())
}

/// Every readable login: server, user and secret.
fn readable(sandbox: &Sandbox) -> BTreeSet<(String, String, String)> {
    let mut logins = BTreeSet::new();
    let own = AGE.program();
    for helper in [
        own.as_path(),
        sandbox.path("bin/docker-credential-former").as_path(),
    ] {
        if !helper.exists() {
            continue;
        }
        for server in states::SERVERS {
            let outcome = sandbox.run(helper).arg("get").stdin(server).outcome();
            if let Ok(reply) = serde_json::from_slice::<Value>(&outcome.stdout) {
                let part = |key: &str| reply[key].as_str().unwrap_or_default().to_owned();
                logins.insert((host(server), part("Username"), part("Secret")));
            }
        }
    }
    for (path, bytes) in files_under(&sandbox.path(".")) {
        let is_config = path
            .extension()
            .is_some_and(|end| end == "json" || end == "dockercfg")
            || path.ends_with(".dockercfg");
        if let (true, Ok(file)) = (is_config, serde_json::from_slice::<Value>(&bytes)) {
            let entries = file["auths"]
                .as_object()
                .or(file.as_object())
                .into_iter()
                .flatten();
            logins.extend(entries.filter_map(|(server, entry)| {
                let Login { username, secret } = Login::from_basic(entry["auth"].as_str()?)?;
                Some((host(server), username, secret))
            }));
        }
    }
    logins
}

/// The canonical name of a registry.
fn host(server: &str) -> String {
    let host = server
        .trim_start_matches("https://")
        .trim_end_matches('/')
        .trim_end_matches("/v1");
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        host => host.to_owned(),
    }
}
