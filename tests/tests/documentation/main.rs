//! What the documentation shows is what happens: every block of the README and of `docs/` is run, or it is said here why
//! it is not.

#![cfg(target_os = "linux")]

mod commands;
mod env;
mod home;
mod install;
mod jobs;
mod keyring;
mod readme;

use docker_credential_tests::helper;
use docker_credential_tests::page::{Block, Page, repository};
use docker_credential_tests::transcript::Reader;

use crate::home::home;

/// Who sees that a block is right.
#[derive(Clone, Copy)]
enum Seen {
    /// This test runs it, or what it is made of.
    Test(fn()),
    /// The program of this path runs it.
    Program(&'static str),
    /// The test in this file does; it is another program.
    File(&'static str),
    /// People do.
    ByHand,
}

/// Every block of the pages, in order: the page, the heading above it, its language.
const BLOCKS: &[(&str, &str, &str, Seen)] = {
    use Seen::{ByHand, File, Program, Test};
    const README: &str = "README.md";
    const AGE: &str = "docs/age.md";
    const COMMANDS: &str = "docs/commands.md";
    const ENV: &str = "docs/env.md";
    const INSTALL: &str = "docs/install.md";
    const KEYRING: &str = "docs/keyring.md";
    &[
        (README, "docker credential helpers", "sh", Program("tests/run")),
        (README, "docker credential helpers", "sh", Program(".ci/run")),
        (README, "What it looks like", "console", Test(readme::the_first_login)),
        (README, "Install", "sh", Test(install::from_an_archive)),
        (README, "On a desktop", "console", Test(readme::on_a_desktop)),
        (README, "On a laptop or a server", "console", Test(readme::on_a_laptop)),
        (README, "In CI", "yaml", Test(jobs::gitlab_in_the_readme)),
        (README, "In CI", "yaml", Test(jobs::github_in_the_readme)),
        (README, "In CI", "console", Test(readme::in_ci_with_age)),
        (README, "In a team", "console", Test(readme::in_a_team)),
        (README, "Migrating", "console", Test(readme::migrating_from_plain_text)),
        (README, "Troubleshooting", "console", Test(readme::doctor)),
        (README, "Troubleshooting", "console", Test(readme::explain)),
        (AGE, "On a laptop", "console", File("tests/tests/age_docs.rs")),
        (AGE, "In a team", "console", File("tests/tests/age_docs.rs")),
        (AGE, "In a team", "console", File("tests/tests/age_docs.rs")),
        (AGE, "In a team", "console", File("tests/tests/age_docs.rs")),
        (AGE, "In CI", "console", File("tests/tests/age_docs.rs")),
        (COMMANDS, "configure and unconfigure", "console", Test(commands::configure)),
        (COMMANDS, "import", "console", Test(commands::import)),
        (COMMANDS, "export", "console", Test(commands::export)),
        (COMMANDS, "explain", "console", Test(commands::explain)),
        (COMMANDS, "doctor", "console", Test(commands::doctor)),
        (COMMANDS, "completions", "console", Test(commands::completions_and_manual)),
        (COMMANDS, "manual", "console", Test(commands::completions_and_manual)),
        (ENV, "docker-credential-env", "console", Test(env::the_first_pull_and_the_names)),
        (ENV, "Your own variables", "sh", Test(env::variables_of_the_snippets)),
        (ENV, "Your own variables", "console", Test(env::the_first_pull_and_the_names)),
        (ENV, "When it does not answer", "sh", Test(env::when_it_does_not_answer)),
        (ENV, "Jobs to copy", "json", Test(env::the_configuration)),
        (ENV, "GitLab CI", "yaml", Test(jobs::gitlab_in_the_page)),
        (ENV, "GitHub Actions", "yaml", Test(jobs::github_in_the_page)),
        (ENV, "Jenkins", "groovy", Test(env::variables_of_the_snippets)),
        (ENV, "CircleCI", "yaml", Test(env::variables_of_the_snippets)),
        (ENV, "Buildkite", "sh", Test(env::variables_of_the_snippets)),
        (ENV, "Azure Pipelines", "yaml", Test(env::variables_of_the_snippets)),
        (ENV, "Kubernetes", "yaml", Test(env::variables_of_the_snippets)),
        (ENV, "systemd", "ini", Test(env::variables_of_the_snippets)),
        (INSTALL, "From source", "sh", Program("tests/run")),
        // Two builds of everything.
        (INSTALL, "From source", "sh", ByHand),
        (INSTALL, "From a release's archive", "sh", Test(install::from_an_archive)),
        (INSTALL, "Completions and manual pages", "sh", Test(install::completions_and_manual)),
        (KEYRING, "In place of docker's own helper", "sh", Test(keyring::in_place_of_dockers_own)),
        (KEYRING, "The kernel's keyring", "sh", Test(keyring::the_kernels_keyring)),
        // Times are for people to compare.
        ("docs/speed.md", "Speed", "sh", ByHand),
    ]
};

#[test]
fn every_block_is_accounted_for() {
    let blocks = Page::all().into_iter().flat_map(|path| {
        let blocks = Page::read(&path).blocks().into_iter();
        blocks.map(move |block| (path.clone(), block))
    });
    let shown: Vec<(String, Block)> = blocks.collect();
    let name = |(page, block): &(String, Block)| (page.clone(), block.heading.clone(), block.language.clone());
    let known: Vec<_> = BLOCKS
        .iter()
        .map(|(page, heading, language, _)| {
            ((*page).to_owned(), (*heading).to_owned(), (*language).to_owned())
        })
        .collect();
    assert_eq!(
        shown.iter().map(name).collect::<Vec<_>>(),
        known,
        "the pages have these blocks, and this file knows of those"
    );
    for ((_, block), (page, .., seen)) in shown.iter().zip(BLOCKS) {
        let runs = |program: &str| std::fs::read_to_string(repository().join(program)).expect("a program");
        match seen {
            Seen::Test(test) => assert!(*test as usize != 0),
            Seen::Program(program) => assert!(
                runs(program).contains(block.text.trim()),
                "{program} does not run {}",
                block.text
            ),
            Seen::File(file) => assert!(runs(file).contains(page), "{file} does not read {page}"),
            Seen::ByHand => assert!(!page.contains("README"), "every command of the README is run"),
        }
    }
}

/// Commands in the middle of a sentence: the program knows them and their options.
#[test]
fn every_command_in_the_text_is_one() {
    let place = home(helper::KEYRING_ALONE);
    let mut count = 0;
    for path in Page::all() {
        for code in Page::read(&path).code() {
            let words: Vec<&str> = code.split_whitespace().collect();
            let ([program, rest @ ..], true) = (&words[..], code.contains(' ')) else {
                continue;
            };
            if rest.iter().any(|word| word.contains(['…', '<', '='])) {
                continue;
            }
            let is_command = rest[0].starts_with(|first: char| first.is_ascii_lowercase());
            let known = match *program {
                _ if program.starts_with("docker-credential-") && is_command => place
                    .run(helper::directory().join(program))
                    .args(rest)
                    .arg("--help")
                    .outcome(),
                _ if program.starts_with("packaging/") || program.starts_with("tests/") => {
                    let path = repository().join(program);
                    let options = rest.iter().filter(|word| word.starts_with("--"));
                    let text = std::fs::read_to_string(&path).expect("a script");
                    let takes_all = text.contains("ARGUMENTS FOR cargo test");
                    for option in options {
                        assert!(takes_all || text.contains(option), "{path:?} has no {option}");
                    }
                    place.run("test").arg("-x").arg(path).outcome()
                }
                _ => continue,
            };
            known.assert_success(&format!("{path}: {code}"));
            count += 1;
        }
    }
    assert!(count > 20, "the pages name commands; {count} were found");
}

#[test]
#[should_panic(expected = "hello")]
fn control_a_transcript_that_shows_something_else_is_noticed() {
    Reader::new(&home(helper::AGE)).follows("$ echo hello\ngoodbye\n");
}
