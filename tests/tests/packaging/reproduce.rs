//! Rebuilding a release, with a stand-in for cargo that "compiles" in no time.

use std::fs;
use std::process::Command;

use docker_credential_tests::program::find;
use docker_credential_tests::require;

use crate::place::{HELPERS, PROGRAMS, archive_name, outcome, run, write, write_program};
use crate::tree::{Tree, names, rust};

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
    assert!(said.contains(".tar.gz: the same, to the bit: SHA-256 "), "{said}");
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
        complaint.contains(".tar.gz differs from that of the release:\n"),
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

/// The contents are the same, but a program is not executable any more.
#[test]
fn an_archive_with_another_mode_is_told_apart() {
    let tree = sources();
    let archive = released(&tree);
    let (unpacked, name) = (tree.path("unpacked"), tree.path("names"));
    fs::create_dir(&unpacked).expect("a directory can be made");
    let (unpacked, name) = (unpacked.display(), name.display());
    let script = format!(
        "tar -xzf '{archive}' -C '{unpacked}' && tar -tzf '{archive}' | sed 's,/$,,' >'{name}' && cd '{unpacked}' &&\
         chmod a-x */bin/docker-credential-age &&\
         tar -cf - --no-recursion --numeric-owner --owner=0 --group=0 -T '{name}' | gzip -9n >'{archive}'"
    );
    run(Command::new("sh").args(["-c", &script]));

    let different = outcome(&mut tree.script("reproduce", &[&archive]));

    assert_eq!(different.status.code(), Some(1), "{different:?}");
    let complaint = String::from_utf8_lossy(&different.stderr).into_owned();
    for line in ["< -rw-r--r-- ", "> -rwxr-xr-x "] {
        assert!(complaint.contains(line), "{complaint}");
    }
}

#[test]
fn an_archive_that_is_compressed_differently_is_the_same() {
    let tree = sources();
    let archive = released(&tree);
    run(Command::new("sh").args([
        "-c",
        &format!(
            "gunzip '{archive}' && gzip -1 '{}'",
            archive.trim_end_matches(".gz")
        ),
    ]));

    let said = run(&mut tree.script("reproduce", &[&archive]));

    assert!(
        said.ends_with(".tar.gz: the same, but compressed differently\n"),
        "{said}"
    );
}

#[test]
fn packages_are_rebuilt_and_compared() {
    require!(find("dpkg-deb"));
    require!(find("rpmbuild"));
    let tree = sources();
    released(&tree);
    let files = names(&tree.path("released"));
    let paths: Vec<String> = files.iter().map(|file| format!("released/{file}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let said = run(&mut tree.script("reproduce", &paths));
    assert_eq!(files.len(), 1 + 2 * PROGRAMS.len());
    assert_eq!(
        said.matches(": the same, to the bit: SHA-256 ").count(),
        files.len(),
        "{said}"
    );

    let deb = "released/docker-credential-age_1.2.3_amd64.deb";
    write(&tree.path(deb), "evil");
    let different = outcome(&mut tree.script("reproduce", &paths));

    assert_eq!(different.status.code(), Some(1), "{different:?}");
    let complaint = String::from_utf8_lossy(&different.stderr).into_owned();
    assert!(
        complaint
            .ends_with("reproduce: docker-credential-age_1.2.3_amd64.deb differs from that of the release\n"),
        "{complaint}"
    );
}

#[test]
fn a_file_that_the_release_cannot_have_is_refused() {
    let tree = sources();
    write(&tree.path("docker-credential-age_9.9.9_amd64.deb"), "");
    let refused = outcome(&mut tree.script("reproduce", &["docker-credential-age_9.9.9_amd64.deb"]));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        complaint.contains("reproduce: this build has no docker-credential-age_9.9.9_amd64.deb; "),
        "{complaint}"
    );
}

#[test]
fn two_builds_of_one_commit_are_compared() {
    let said = run(&mut sources().script("reproduce", &[]));
    assert!(said.contains(".tar.gz: the same, to the bit: SHA-256 "), "{said}");
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
