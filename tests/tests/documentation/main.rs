//! Runs every block of the README and of `docs/`, or gives the reason why not.

#![cfg(target_os = "linux")]

mod commands;
mod conformance;
mod curl;
mod dependencies;
mod env;
mod faq;
mod install;
mod jobs;
mod keyring;
mod readme;
mod reference;
mod words;

use docker_credential_tests::helper;
use docker_credential_tests::pages::matrix;
use docker_credential_tests::pages::page::{Block, Page, repository};
use docker_credential_tests::pages::transcript::Reader;

use docker_credential_tests::pages::home::home;

/// The check of a block.
#[derive(Clone, Copy)]
enum Seen {
    /// This test runs it, or its parts.
    Test(
        #[expect(
            dead_code,
            reason = "it is there to be named: without the test this does not compile"
        )]
        fn(),
    ),
    /// The program at this path runs it.
    Program(&'static str),
    /// The test in this file does; it is another program.
    File(&'static str),
    /// People do.
    ByHand,
}

/// A block: the heading above it, its language, and its check.
type Known = (&'static str, &'static str, Seen);

/// Every page with its blocks, in order.
const PAGES: &[(&str, &[Known])] = {
    use Seen::{ByHand, File, Program, Test};
    const AGE: Seen = File("tests/tests/age_docs.rs");
    const VARIABLES: Seen = Test(env::variables_of_the_snippets);
    &[
        (
            "README.md",
            &[
                ("credstow", "sh", Program("tests/run")),
                ("credstow", "sh", Program(".ci/run")),
                ("What it looks like", "console", Test(readme::what_it_looks_like)),
                (
                    "Install, upgrade, uninstall",
                    "sh",
                    Test(install::from_an_archive),
                ),
                ("On a desktop", "sh", Test(readme::the_sections_in_order)),
                (
                    "On a laptop or a server",
                    "sh",
                    Test(readme::the_sections_in_order),
                ),
                ("In CI", "yaml", Test(jobs::gitlab_in_the_readme)),
                ("In CI", "yaml", Test(jobs::github_in_the_readme)),
                ("In a team", "sh", Test(readme::the_sections_in_order)),
                ("Troubleshooting", "sh", Test(readme::the_sections_in_order)),
            ],
        ),
        (
            "docs/age.md",
            &[
                ("On a laptop", "console", AGE),
                ("In a team", "console", AGE),
                ("In a team", "console", AGE),
                ("In a team", "console", AGE),
                ("In CI", "console", AGE),
                ("SSH keys", "console", AGE),
            ],
        ),
        ("docs/clients.md", &[]),
        (
            "docs/commands.md",
            &[
                ("configure and unconfigure", "console", Test(commands::configure)),
                ("podman, skopeo and buildah", "toml", Test(commands::podman)),
                ("import", "console", Test(commands::import)),
                ("export", "console", Test(commands::export)),
                ("explain", "console", Test(commands::explain)),
                ("status", "console", Test(commands::status)),
                ("doctor", "console", Test(commands::doctor)),
                ("completions", "console", Test(commands::completions_and_manual)),
                ("manual", "console", Test(commands::completions_and_manual)),
            ],
        ),
        (
            "docs/conformance.md",
            &[
                ("Test your own helper", "console", Test(conformance::the_runner)),
                ("Test your own helper", "console", Test(conformance::the_runner)),
                ("For programs", "console", Test(conformance::the_runner)),
                ("GitHub Actions", "yaml", Test(conformance::in_ci)),
                ("GitLab CI", "yaml", Test(conformance::in_ci)),
            ],
        ),
        (
            "docs/curl.md",
            &[
                ("Talk to a registry with curl", "sh", Test(curl::with_a_password)),
                (
                    "A registry with a password",
                    "console",
                    Test(curl::with_a_password),
                ),
                (
                    "A registry with a password",
                    "console",
                    Test(curl::with_a_password),
                ),
                ("A registry with tokens", "console", Test(curl::with_tokens)),
            ],
        ),
        (
            "docs/env.md",
            &[
                (
                    "docker-credential-env",
                    "console",
                    Test(env::first_pull_and_names),
                ),
                ("Your own variables", "sh", VARIABLES),
                ("Your own variables", "console", Test(env::first_pull_and_names)),
                (
                    "When it does not answer",
                    "sh",
                    Test(env::when_it_does_not_answer),
                ),
                ("Jobs to copy", "json", Test(env::the_configuration)),
                ("GitLab CI", "yaml", Test(jobs::gitlab_in_the_page)),
                ("GitHub Actions", "yaml", Test(jobs::github_in_the_page)),
                ("Jenkins", "groovy", VARIABLES),
                ("CircleCI", "yaml", VARIABLES),
                ("Buildkite", "sh", VARIABLES),
                ("Azure Pipelines", "yaml", VARIABLES),
                ("Kubernetes", "yaml", VARIABLES),
                ("systemd", "ini", VARIABLES),
            ],
        ),
        (
            "docs/faq.md",
            &[
                (
                    "How do I use two accounts at one registry?",
                    "console",
                    Test(faq::two_accounts),
                ),
                (
                    "Can gh or a password manager supply the login?",
                    "console",
                    Test(faq::other_sources),
                ),
                (
                    "How do I use ECR or Google's registries beside it?",
                    "json",
                    Test(faq::helpers_of_clouds),
                ),
            ],
        ),
        (
            "docs/guide.md",
            &[
                ("Your first login", "console", Test(readme::the_first_login)),
                (
                    "Move your logins from plain text",
                    "console",
                    Test(readme::migrating_from_plain_text),
                ),
                (
                    "Keep logins in the desktop's keyring",
                    "console",
                    Test(readme::on_a_desktop),
                ),
                (
                    "Protect the identity with a passphrase",
                    "console",
                    Test(readme::on_a_laptop),
                ),
                ("Share logins in a team", "console", Test(readme::in_a_team)),
                (
                    "Read the team's logins in CI",
                    "console",
                    Test(readme::in_ci_with_age),
                ),
                ("Find out what is wrong", "console", Test(readme::doctor)),
                ("Find out what is wrong", "console", Test(readme::explain)),
            ],
        ),
        (
            "docs/install.md",
            &[
                ("From source", "sh", Program("tests/run")),
                ("From a release's archive", "sh", Test(install::from_an_archive)),
                ("On a CI runner", "sh", Test(install::an_identity_for_ci)),
                ("Remove", "sh", Test(install::remove)),
                // GitHub's program, which needs GitHub.
                ("Check and rebuild a release", "sh", ByHand),
                // A build of everything.
                ("Check and rebuild a release", "sh", ByHand),
                ("Completions and manual pages", "sh", Test(install::completions)),
            ],
        ),
        (
            "docs/keyring.md",
            &[
                ("Replace docker's own helper", "sh", Test(keyring::in_place)),
                ("What do the errors mean?", "sh", Test(keyring::unlocked)),
                ("Use the kernel's keyring", "sh", Test(keyring::the_kernels)),
            ],
        ),
        ("docs/promises.md", &[]),
        ("docs/protocol.md", &[]),
        ("docs/reference.md", &[]),
        // Times are for people to compare.
        ("docs/speed.md", &[("Speed", "sh", ByHand)]),
    ]
};

#[test]
fn every_block_is_accounted_for() {
    let pages: Vec<&str> = PAGES.iter().map(|(page, _)| *page).collect();
    assert_eq!(
        Page::all(),
        pages,
        "these are the pages, and this file knows of those"
    );
    for (page, known) in PAGES {
        let blocks = Page::read(page).blocks();
        let shown: Vec<(&str, &str)> = blocks
            .iter()
            .map(|block| (block.heading.as_str(), block.language.as_str()))
            .collect();
        let names: Vec<(&str, &str)> = known
            .iter()
            .map(|(heading, language, _)| (*heading, *language))
            .collect();
        assert_eq!(
            shown, names,
            "{page} has these blocks, and this file knows of those"
        );
        for (block, (.., seen)) in blocks.iter().zip(*known) {
            assert_seen(page, block, *seen);
        }
    }
}

#[track_caller]
fn assert_seen(page: &str, block: &Block, seen: Seen) {
    let says = |file: &str, text: &str| {
        let content = std::fs::read_to_string(repository().join(file)).expect("a file of the repository");
        assert!(content.contains(text), "{file} does not say {text}");
    };
    match seen {
        Seen::Test(_) => {}
        Seen::Program(program) => says(program, block.text.trim()),
        Seen::File(file) => says(file, page),
        Seen::ByHand => assert_ne!(page, "README.md", "every command of the README is run"),
    }
}

/// The test programs check their rows.
#[test]
fn every_test_program_in_the_matrix_of_clients_checks_its_rows() {
    for row in matrix::rows() {
        let source = repository().join(format!("tests/tests/{}.rs", row.program));
        assert!(
            std::fs::read_to_string(source).is_ok_and(|source| source.contains("\nmatrix_is_true!();\n")),
            "{row:?}"
        );
    }
}

/// Commands in sentences: the program accepts them and their options.
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
