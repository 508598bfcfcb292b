//! Rebuilding a release, with a stand-in for cargo that "compiles" in no time.

use std::fs;
use std::process::Command;

use crate::place::{HELPERS, archive_name, outcome, run, write, write_program};
use crate::tree::{Tree, rust};

/// Sources whose cargo writes the text in `program` as the programs.
fn sources() -> Tree {
    let tree = Tree::new();
    rust(&tree);
    for helper in HELPERS {
        let manifest = format!("name = \"docker-credential-{helper}\"\ndescription = \"A helper\"\n");
        write(
            &tree.path(&format!("sources/helpers/{helper}/Cargo.toml")),
            &manifest,
        );
    }
    let manifest = "name = \"docker-credential-conformance\"\ndescription = \"A runner\"\n";
    write(&tree.path("sources/tests/conformance/Cargo.toml"), manifest);
    write(&tree.path("sources/program"), "one");
    write_program(
        &tree.path("sources/packaging/notices"),
        "echo \"licences for $1\"",
    );
    tree.stand_in(
        "cargo",
        "release=$CARGO_TARGET_DIR/x86_64-unknown-linux-gnu/release\nmkdir -p \"$release\"\n\
         for h in age conformance env keyring; do p=$release/docker-credential-$h\n\
         printf '#!/bin/sh\\n[ \"$1\" != manual ] || : >\"$2/%s.1\" >\"$2/%s-get.1\"\\n: %s %s\\n' \
         \"${p##*/}\" \"${p##*/}\" \"$(cat program)\" \"${LEAK-}\" >\"$p\"; chmod 755 \"$p\"; done",
    );
    tree.commit();
    tree
}

/// The archive of this commit's release.
fn released(tree: &Tree) -> String {
    run(&mut tree.script("release/build", &["released"]));
    let name = archive_name();
    let (_, machine) = name.split_once("-0.1.0-").expect("a version");
    let archive = tree.path(&format!("released/credstow-1.2.3-{machine}.tar.gz"));
    assert!(archive.is_file(), "{}", archive.display());
    archive.display().to_string()
}

#[test]
fn a_release_of_this_commit_is_the_same_to_the_bit() {
    let tree = sources();
    let archive = released(&tree);
    let said = run(&mut tree.script("reproduce", &[&archive]));
    assert!(said.starts_with("the same, to the bit: SHA-256 "), "{said}");
}

#[test]
fn a_release_with_another_program_is_told_apart() {
    let tree = sources();
    let archive = released(&tree);
    write(&tree.path("sources/program"), "two");
    tree.commit();

    let different = outcome(&mut tree.script("reproduce", &[&archive]));

    assert_eq!(different.status.code(), Some(1), "{different:?}");
    let complaint = String::from_utf8_lossy(&different.stderr).into_owned();
    assert!(
        complaint.contains("reproduce: this build differs from the release:\n"),
        "{complaint}"
    );
    assert!(complaint.contains("/bin/docker-credential-age\n"), "{complaint}");
    assert!(
        !complaint.contains("not built with the same tools"),
        "{complaint}"
    );
}

#[test]
fn a_release_of_other_tools_is_reported_as_such() {
    let tree = sources();
    let archive = released(&tree);
    write(&tree.path("sources/program"), "two");
    tree.commit();
    tree.stand_in("ld", "echo another linker");

    let different = outcome(&mut tree.script("reproduce", &[&archive]));

    let complaint = String::from_utf8_lossy(&different.stderr).into_owned();
    assert!(complaint.contains("not built with the same tools"), "{complaint}");
    assert!(complaint.contains("> linker: another linker\n"), "{complaint}");
}

#[test]
fn two_builds_of_one_commit_are_compared() {
    let said = run(&mut sources().script("reproduce", &[]));
    assert!(said.starts_with("the same, to the bit: SHA-256 "), "{said}");
}

/// Programs that contain their build directory are the usual reason for different builds.
#[test]
fn control_a_build_that_leaks_its_directory_is_caught() {
    let tree = sources();
    let cargo = tree.path("programs/cargo");
    let script = fs::read_to_string(&cargo).expect("the stand-in can be read");
    fs::write(&cargo, script.replace("${LEAK-}", "$PWD")).expect("it can be written");

    let different = outcome(&mut tree.script("reproduce", &[]));

    assert_eq!(different.status.code(), Some(1), "{different:?}");
}

#[test]
fn an_archive_that_is_not_there_is_named() {
    let tree = sources();
    let refused = outcome(Command::new(tree.path("sources/packaging/reproduce")).arg("nowhere.tar.gz"));
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        "reproduce: cannot read nowhere.tar.gz: there is no such file\n"
    );
}
