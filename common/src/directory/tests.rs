use super::staged::STAGED;
use super::*;

const WAIT: Duration = Duration::from_secs(30);

/// Every name on disk, except that of a system's lock file.
fn on_disk(place: &tempfile::TempDir) -> Vec<String> {
    let names = std::fs::read_dir(place.path()).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    #[cfg(not(unix))]
    names.retain(|name| name != system::LOCK);
    names.sort();
    names
}

fn place() -> (tempfile::TempDir, Directory) {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    (place, directory)
}

#[test]
fn a_replaced_file_has_the_new_content_whole() {
    let (_place, directory) = place();
    let lock = directory.lock(WAIT).unwrap();
    directory
        .replace(&lock, "a", b"longer than the next", 0o600)
        .unwrap();
    directory.replace(&lock, "a", b"new", 0o600).unwrap();
    assert_eq!(directory.read("a", 100).unwrap().unwrap(), b"new");
    assert_eq!(directory.names().unwrap(), ["a"]);
}

#[test]
fn a_file_that_exists_is_not_created_again() {
    let (_place, directory) = place();
    assert!(directory.create_new("a", b"first", 0o600).unwrap());
    assert!(!directory.create_new("a", b"second", 0o600).unwrap());
    assert_eq!(directory.read("a", 100).unwrap().unwrap(), b"first");
    assert_eq!(directory.names().unwrap(), ["a"]);
}

#[test]
fn a_file_is_created_also_while_others_clear_stray_temporaries_away() {
    let (place, directory) = place();
    std::thread::scope(|scope| {
        let clearing = scope.spawn(|| {
            let other = Directory::open(place.path()).unwrap();
            let lock = other.lock(WAIT).unwrap();
            for _ in 0..200 {
                other.replace(&lock, "other", b"x", 0o600).unwrap();
            }
        });
        let mut count = 0;
        while !clearing.is_finished() {
            assert!(directory.create_new(&format!("a{count}"), b"x", 0o600).unwrap());
            count += 1;
        }
    });
}

#[test]
fn removing_tells_whether_there_was_something() {
    let (_place, directory) = place();
    directory.create_new("a", b"", 0o600).unwrap();
    assert!(directory.remove("a").unwrap());
    assert!(!directory.remove("a").unwrap());
    assert!(directory.read("a", 100).unwrap().is_none());
}

#[test]
fn a_failed_replacement_leaves_nothing_behind() {
    let (place, directory) = place();
    std::fs::create_dir(place.path().join("a")).unwrap();
    let lock = directory.lock(WAIT).unwrap();
    assert!(directory.replace(&lock, "a", b"x", 0o600).is_err());
    assert_eq!(on_disk(&place), ["a"]);
}

#[test]
fn stray_temporaries_go_with_the_next_replacement_and_nothing_else_does() {
    let (place, directory) = place();
    let stray = place.path().join(format!("{TEMPORARY}1-2-3"));
    std::fs::write(&stray, "x").unwrap();
    std::fs::write(place.path().join(".docker-credential-other"), "x").unwrap();
    assert_eq!(directory.names().unwrap(), [".docker-credential-other"]);
    let lock = directory.lock(WAIT).unwrap();
    directory.replace(&lock, "a", b"x", 0o600).unwrap();
    assert_eq!(on_disk(&place), [".docker-credential-other", "a"]);
}

#[test]
fn it_has_what_one_of_its_lasting_names_is() {
    let (place, directory) = place();
    assert!(!directory.has(|_| true).unwrap());
    std::fs::write(place.path().join(format!("{TEMPORARY}1-2-3")), "x").unwrap();
    assert!(!directory.has(|_| true).unwrap());
    directory.create_new("a", b"", 0o600).unwrap();
    assert!(directory.has(|name| name == "a").unwrap());
    assert!(!directory.has(|name| name == "b").unwrap());
}

#[test]
fn what_cannot_be_removed_is_an_error_and_not_a_miss() {
    let (place, directory) = place();
    let lock = directory.lock(WAIT).unwrap();
    for name in ["a", &format!("{STAGED}b")] {
        std::fs::create_dir(place.path().join(name)).unwrap();
    }
    assert!(directory.remove("a").is_err());
    assert!(directory.unstage(&lock, "b").is_err());
    let refused = directory.stage(&lock, "b", b"x", 0o600).unwrap_err();
    assert_ne!(refused.kind(), io::ErrorKind::AlreadyExists);
    directory.unstage(&lock, "never staged").unwrap();
}

#[test]
fn without_the_lock_a_live_writers_temporary_is_left_alone() {
    let (place, directory) = place();
    let live = place.path().join(format!("{TEMPORARY}1-2-3"));
    std::fs::write(&live, "x").unwrap();
    let lock = Lock {
        file: None,
        is_alone: true,
    };
    directory.replace(&lock, "a", b"x", 0o600).unwrap();
    assert!(live.exists());
}

#[test]
fn a_lock_that_is_held_is_waited_for_until_the_limit() {
    let (place, directory) = place();
    let held = directory.lock(WAIT).unwrap();
    let other = Directory::open(place.path()).unwrap();
    assert_eq!(
        other.lock(Duration::from_millis(50)).unwrap_err().kind(),
        io::ErrorKind::TimedOut
    );
    let waiting = std::thread::spawn(move || other.lock(WAIT).map(|lock| lock.is_held()));
    drop(held);
    assert!(waiting.join().unwrap().unwrap());
}

#[test]
fn more_than_the_limit_is_not_read() {
    let (_place, directory) = place();
    directory.create_new("a", b"12345", 0o600).unwrap();
    assert_eq!(directory.read("a", 5).unwrap().unwrap(), b"12345");
    assert_eq!(
        directory.read("a", 4).unwrap_err().kind(),
        io::ErrorKind::FileTooLarge
    );
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn missing_directories_are_made_for_their_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(&place.path().join("a/b")).unwrap();
        assert!(directory.is_ours().unwrap());
        for path in ["a", "a/b"] {
            let mode = std::fs::metadata(place.path().join(path)).unwrap().mode();
            assert_eq!(mode & 0o077, 0, "{path}");
        }
    }

    #[test]
    fn a_file_has_the_mode_that_was_asked_for() {
        let (place, directory) = place();
        let lock = directory.lock(WAIT).unwrap();
        for mode in [0o600, 0o644, 0o400] {
            directory.replace(&lock, "a", b"x", mode).unwrap();
            assert_eq!(
                std::fs::metadata(place.path().join("a")).unwrap().mode() & 0o777,
                mode
            );
        }
    }

    #[test]
    fn links_pipes_sockets_and_directories_are_not_read() {
        let (place, directory) = place();
        std::fs::write(place.path().join("target"), "x").unwrap();
        symlink("target", place.path().join("link")).unwrap();
        symlink("nowhere", place.path().join("dangling")).unwrap();
        std::fs::create_dir(place.path().join("directory")).unwrap();
        // With the program, because rustix doesn't have this call on macOS.
        let made = std::process::Command::new("mkfifo")
            .arg(place.path().join("pipe"))
            .status();
        assert!(made.unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).unwrap();
        for name in ["link", "dangling", "directory", "pipe", "socket"] {
            assert_eq!(
                directory.read(name, 100).unwrap_err().kind(),
                io::ErrorKind::InvalidData,
                "{name}"
            );
        }
    }

    #[test]
    fn a_directory_stays_the_one_that_was_opened() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("store");
        let directory = Directory::create(&path).unwrap();
        std::fs::rename(&path, place.path().join("moved")).unwrap();
        symlink("elsewhere", &path).unwrap();
        std::fs::create_dir(place.path().join("elsewhere")).unwrap();
        let lock = directory.lock(WAIT).unwrap();
        directory.replace(&lock, "a", b"x", 0o600).unwrap();
        assert!(place.path().join("moved/a").exists());
        assert!(!place.path().join("elsewhere/a").exists());
    }

    #[test]
    fn file_systems_without_locks_are_known_by_what_they_answer() {
        use rustix::io::Errno;
        for errno in [
            Errno::NOLCK,
            Errno::NOTSUP,
            Errno::NOSYS,
            Errno::INVAL,
            Errno::BADF,
        ] {
            assert!(system::has_no_locks(&errno.into()), "{errno}");
        }
        for errno in [Errno::IO, Errno::ACCESS, Errno::AGAIN] {
            assert!(!system::has_no_locks(&errno.into()), "{errno}");
        }
    }

    #[test]
    fn world_writable_is_told() {
        let (place, directory) = place();
        for (mode, writable) in [(0o700, false), (0o775, false), (0o702, true), (0o1777, true)] {
            std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(directory.is_world_writable().unwrap(), writable, "{mode:o}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_replacement_alike_has_the_mode_of_what_it_replaces() {
    use std::os::unix::fs::PermissionsExt;
    let (place, directory) = place();
    let path = place.path().join("a");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
    let lock = directory.lock(WAIT).unwrap();
    directory.replace_alike(&lock, "a", b"new", 0o600).unwrap();
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).unwrap();
    directory.replace_alike(&lock, "a", b"newer", 0o600).unwrap();
    assert_eq!(
        (mode(), directory.read("a", 9).unwrap().unwrap()),
        (0o664, b"newer".to_vec())
    );
}

#[test]
fn what_is_staged_shows_only_once_it_is_promoted() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let lock = directory.lock(Duration::from_secs(10)).unwrap();
    directory.replace(&lock, "a", b"old", 0o600).unwrap();
    directory.stage(&lock, "a", b"first", 0o600).unwrap();
    directory.stage(&lock, "a", b"new", 0o600).unwrap();
    directory.stage(&lock, "b", b"given up", 0o600).unwrap();
    directory.unstage(&lock, "b").unwrap();

    assert_eq!(directory.names().unwrap(), ["a"]);
    assert_eq!(directory.staged().unwrap(), ["a"]);
    assert_eq!(directory.read("a", 100).unwrap().as_deref(), Some(&b"old"[..]));
    directory.promote(&lock, "a").unwrap();
    assert_eq!(directory.read("a", 100).unwrap().as_deref(), Some(&b"new"[..]));
    assert!(directory.staged().unwrap().is_empty());
}

#[test]
fn what_is_set_aside_overwrites_nothing() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    directory.create_new("a", b"a", 0o600).unwrap();
    directory.create_new("taken", b"t", 0o600).unwrap();
    assert!(!directory.set_aside("a", "taken").unwrap());
    assert_eq!(
        directory.set_aside("missing", "elsewhere").unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    assert!(directory.set_aside("a", "free").unwrap());
    let mut names = directory.names().unwrap();
    names.sort();
    assert_eq!(names, ["free", "taken"]);
    assert_eq!(directory.read("free", 100).unwrap().as_deref(), Some(&b"a"[..]));
}

#[test]
fn a_renamed_file_overwrites_none() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::create(place.path()).unwrap();
    let write = |name: &str| std::fs::write(place.path().join(name), name).unwrap();
    write("a");
    assert!(directory.rename_new("a", "b").unwrap());
    write("c");
    assert!(!directory.rename_new("c", "b").unwrap());
    assert_eq!(directory.read("b", 9).unwrap().unwrap(), b"a");
    assert_eq!(directory.read("c", 9).unwrap().unwrap(), b"c");
}
