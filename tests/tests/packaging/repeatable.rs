//! The same sources give the same packages, wherever they are packed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use docker_credential_tests::program::find;
use docker_credential_tests::require;
use docker_credential_tests::requirement::{Missing, environment};
use tempfile::TempDir;

use crate::packages::{installed, make_packages, packages, packer, sums};
use crate::place::{run, small_prefix, write_program};

#[test]
fn packages_are_the_same_twice() {
    let prefix = require!(installed());
    let again = TempDir::new().expect("a temporary directory");

    make_packages(&prefix, again.path());

    assert_eq!(sums(packages(&prefix)), sums(again.path()));
    assert!(sums(again.path()).contains(".tar.gz"), "{}", sums(again.path()));
}

#[test]
fn packages_are_the_same_on_two_file_systems() {
    let memory = Path::new("/dev/shm");
    let disk = Path::new(env!("CARGO_TARGET_TMPDIR"));
    require!(two_file_systems(memory, disk));
    let prefix = small_prefix();
    let sums = [memory, disk].map(|place| {
        let made = TempDir::new().expect("a temporary directory");
        run(packer(prefix.path(), made.path()).env("TMPDIR", place));
        sums(made.path())
    });
    assert_eq!(sums[0], sums[1]);
}

fn two_file_systems(one: &Path, other: &Path) -> Result<(), Missing> {
    let device = |path| {
        fs::metadata(path)
            .map(|metadata: fs::Metadata| metadata.dev())
            .ok()
    };
    if device(one).is_some_and(|it| device(other) != Some(it)) {
        return Ok(());
    }
    let places = [one, other].map(|path| path.display().to_string());
    Err(Missing::new(format!(
        "two file systems, at {}",
        places.join(" and ")
    )))
}

/// Stand-ins that behave like macOS's, where the script distinguishes them from GNU's.
#[test]
fn packages_are_the_same_with_the_date_touch_and_tar_of_bsd() {
    let prefix = small_prefix();
    let [gnu, other, bsd] = [(), (), ()].map(|()| TempDir::new().expect("a temporary directory"));
    let (date, touch) = (require!(find("date")), require!(find("touch")));
    let tar = require!(find("tar"));
    write_program(
        &bsd.path().join("date"),
        &format!(
            r#"case $* in *-d*) exit 1 ;; esac
[ "$1 $2" = "-u -r" ] || exec {date} "$@"
seconds=$3 && shift 3 && exec {date} -u -d "@$seconds" "$@""#,
            date = date.display()
        ),
    );
    write_program(
        &bsd.path().join("touch"),
        &format!(
            r#"case $* in *-d*) exit 1 ;; esac; exec {} "$@""#,
            touch.display()
        ),
    );
    // The last two are those of macOS, without which the archive would have files ._NAME.
    write_program(
        &bsd.path().join("tar"),
        &format!(
            r#"case $* in --version) echo bsdtar && exit ;; *--owner=0*-T\ names) exit 1 ;; esac
case $* in *' --uid=0 --gid=0 --no-xattrs --no-mac-metadata '*)
    set -- -cf archive.tar --no-recursion --numeric-owner --owner=0 --group=0 -T names ;;
esac
exec {} "$@""#,
            tar.display()
        ),
    );
    make_packages(prefix.path(), gnu.path());

    let path = environment("PATH").unwrap_or_default();
    let path = [bsd.path().to_owned()]
        .into_iter()
        .chain(std::env::split_paths(&path));
    let path = std::env::join_paths(path).expect("directories that PATH can name");
    run(packer(prefix.path(), other.path()).env("PATH", path));

    assert_eq!(sums(other.path()), sums(gnu.path()));
}
