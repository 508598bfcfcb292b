//! Each purpose with a wrong state and a valid counterpart. As root, files get another user's owner; other
//! users leave those cases to the integration tests, which require root.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use super::*;

const ME: u32 = 4_000;
const OTHER: u32 = 4_001;

/// A directory of root for files with owners and modes.
struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Option<Self> {
        let world = rustix::process::geteuid().is_root().then(|| Self {
            root: tempfile::tempdir().unwrap(),
        })?;
        // In a directory that others can't enter, they would be harmless.
        fs::set_permissions(world.root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Some(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn set(&self, name: &str, user: u32, mode: u32) -> PathBuf {
        let path = self.path(name);
        chown(&path, Some(user), Some(user)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn directory(&self, name: &str, user: u32, mode: u32) -> PathBuf {
        fs::create_dir(self.path(name)).unwrap();
        self.set(name, user, mode)
    }

    fn file(&self, name: &str, user: u32, mode: u32) -> PathBuf {
        fs::write(self.path(name), name).unwrap();
        self.set(name, user, mode)
    }

    fn link(&self, name: &str, user: u32, target: &str) -> PathBuf {
        let path = self.path(name);
        symlink(target, &path).unwrap();
        std::os::unix::fs::lchown(&path, Some(user), Some(user)).unwrap();
        path
    }

    fn group(path: &Path, group: u32) {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        chown(path, None, Some(group)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn user(id: u32) -> Trust {
    Trust {
        user: system::User::of(id, None),
        home: None,
    }
}

/// A purpose's result: no doubt, an acceptable one, or a refusal.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Believed,
    Doubted(Reason),
    Refused,
}
use Verdict::{Believed, Doubted, Refused};

fn of_file(result: Result<Option<Opened>, Error>) -> Verdict {
    match result {
        Ok(Some(Opened { doubt: None, .. })) => Believed,
        Ok(Some(Opened {
            doubt: Some(doubt), ..
        })) => Doubted(doubt.reason()),
        Ok(None) => panic!("there is a file"),
        Err(Error::Refused(_)) => Refused,
        Err(error) => panic!("{error}"),
    }
}

fn of_doubt<T>(result: Result<T, Error>, doubt: impl Fn(&T) -> Option<Reason>) -> Verdict {
    match result {
        Ok(value) => doubt(&value).map_or(Believed, Doubted),
        Err(Error::Refused(_)) => Refused,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_file_is_judged_by_owner_and_mode_for_each_purpose() {
    let Some(world) = World::new() else { return };
    world.directory("d", ME, 0o755);
    let reads = Doubted(Reason::Readable);
    let all = || Doubted(Reason::WritableByAll);
    let theirs = || Doubted(Reason::Owner(OTHER));
    // Owner, mode, then the results for: my secret, a named one, a passphrase, a file to change, logins.
    for (owner, mode, own, named, passphrase, change, logins) in [
        (ME, 0o600, Believed, Believed, Believed, Believed, Believed),
        (ME, 0o400, Believed, Believed, Believed, Believed, Believed),
        (ME, 0o644, reads, Believed, Refused, Believed, Believed),
        (ME, 0o666, Refused, all(), Refused, all(), Believed),
        (ME, 0o602, Refused, all(), Refused, all(), Believed),
        (0, 0o600, Believed, Believed, Believed, Believed, Believed),
        (0, 0o440, Believed, Believed, Believed, Believed, Believed),
        (
            0,
            0o444,
            Doubted(Reason::Readable),
            Believed,
            Believed,
            Believed,
            Believed,
        ),
        (
            0,
            0o644,
            Doubted(Reason::Readable),
            Believed,
            Refused,
            Believed,
            Believed,
        ),
        (0, 0o666, Refused, all(), Refused, all(), Believed),
        (OTHER, 0o600, Refused, theirs(), Refused, Refused, theirs()),
        (OTHER, 0o644, Refused, theirs(), Refused, Refused, theirs()),
    ] {
        let file = world.file("d/f", owner, mode);
        let me = user(ME);
        let about = format!("{owner} {mode:o}");
        assert_eq!(of_file(me.own_secret(&file)), own, "own {about}");
        assert_eq!(of_file(me.named_secret(&file)), named, "named {about}");
        assert_eq!(of_file(me.passphrase(&file)), passphrase, "passphrase {about}");
        let changed = of_doubt(me.file_to_change(&file), |target| {
            target.doubt.as_ref().map(Doubt::reason)
        });
        assert_eq!(changed, change, "change {about}");
        assert_eq!(of_file(me.logins(&file)), logins, "logins {about}");
    }
}

#[test]
fn every_directory_on_the_way_is_judged() {
    let Some(world) = World::new() else { return };
    for (owner, mode, verdict) in [
        (ME, 0o755, Believed),
        (0, 0o755, Believed),
        (0, 0o1777, Believed),
        (0, 0o3777, Believed),
        (ME, 0o777, Refused),
        (0, 0o777, Refused),
        (OTHER, 0o755, Refused),
        (OTHER, 0o700, Refused),
        (OTHER, 0o1777, Refused),
    ] {
        let _ = fs::remove_dir_all(world.path("above"));
        world.directory("above", owner, mode);
        world.directory("above/d", ME, 0o700);
        let file = world.file("above/d/f", ME, 0o600);
        assert_eq!(of_file(user(ME).own_secret(&file)), verdict, "{owner} {mode:o}");
        let named = of_file(user(ME).named_secret(&file));
        assert_eq!(named == Believed, verdict == Believed, "{named:?}");
        let logins = of_file(user(ME).logins(&file));
        assert_eq!(logins == Believed, verdict == Believed, "{logins:?}");
        let store = of_doubt(user(ME).store_to_write(&world.path("above/d"), true), |_| None);
        assert_eq!(store, verdict);
    }
}

/// Under umask 0, another tool creates ~/.config, and everybody could change it if they could reach it.
#[test]
fn what_only_the_user_can_reach_is_the_users() {
    let Some(world) = World::new() else { return };
    world.directory("home", ME, 0o700);
    world.directory("home/.config", ME, 0o777);
    world.directory("home/.config/d", ME, 0o700);
    let file = world.file("home/.config/d/f", ME, 0o600);
    world.directory("open", ME, 0o777);
    world.file("open/f", ME, 0o600);
    let link = world.link("home/.config/l", ME, world.path("open/f").to_str().unwrap());
    let relative = world.link("home/.config/r", ME, "../../open/f");
    let inside = world.link("home/.config/i", ME, "d/f");
    for at in [
        user(ME),
        Trust {
            home: Some(world.path("home")),
            ..user(ME)
        },
    ] {
        for (path, verdict) in [
            (&file, Believed),
            (&inside, Believed),
            (&link, Refused),
            (&relative, Refused),
        ] {
            assert_eq!(of_file(at.own_secret(path)), verdict, "{path:?}");
        }
        assert!(at.own_directory(&world.path("home/.config/d")).is_ok());
        assert!(
            at.own_directory(&world.path("home/.config")).is_err(),
            "the last name"
        );
    }
    for (mode, verdict) in [
        (0o740, Believed),
        (0o701, Refused),
        (0o710, Refused),
        (0o755, Refused),
    ] {
        world.set("home", ME, mode);
        assert_eq!(of_file(user(ME).own_secret(&file)), verdict, "{mode:o}");
    }
    world.set("home", OTHER, 0o700);
    assert_eq!(of_file(user(ME).own_secret(&file)), Refused);
}

/// HOME=/dev/null, which systems use for users without a home: don't advise changing its mode.
#[test]
fn a_way_through_a_file_is_no_way() {
    let path = Path::new("/dev/null/.local");
    let me = user(ME);
    for error in [
        me.own_secret(path).unwrap_err(),
        me.store_to_write(path, false).unwrap_err(),
        me.file_to_change(path).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(
            text.contains("/dev/null/.local") && !text.contains("chmod"),
            "{text}"
        );
        assert!(!matches!(error, Error::Refused(_)), "{text}");
    }
}

#[test]
fn a_group_that_writes_is_believed_only_if_it_is_the_users_own() {
    let Some(world) = World::new() else { return };
    let directory = world.directory("d", ME, 0o770);
    let file = world.file("d/f", ME, 0o660);
    assert_eq!(of_file(user(ME).own_secret(&file)), Believed);
    World::group(&directory, 50);
    assert_eq!(of_file(user(ME).own_secret(&file)), Refused);
    World::group(&directory, ME);
    World::group(&file, 50);
    assert_eq!(of_file(user(ME).own_secret(&file)), Refused);
    assert_eq!(
        of_file(user(ME).named_secret(&file)),
        Doubted(Reason::WritableByGroup)
    );
}

#[test]
fn a_link_is_judged_where_it_is_and_where_it_leads() {
    let Some(world) = World::new() else { return };
    world.directory("mine", ME, 0o755);
    world.directory("open", ME, 0o777);
    world.directory("sticky", 0, 0o1777);
    let file = world.file("mine/f", ME, 0o600);
    let target = file.to_str().unwrap();
    world.file("open/f", ME, 0o600);
    for (name, owner, to, verdict) in [
        ("mine/a", ME, target, Believed),
        ("mine/b", 0, "f", Believed),
        ("mine/c", OTHER, "f", Refused),
        ("sticky/d", ME, "../mine/f", Believed),
        ("sticky/e", OTHER, "../mine/f", Refused),
        ("open/g", ME, "../mine/f", Refused),
        ("mine/h", ME, "../open/f", Refused),
        ("mine/i", ME, "a", Believed),
        ("mine/j", ME, "../open/../mine/f", Refused),
    ] {
        let link = world.link(name, owner, to);
        assert_eq!(of_file(user(ME).own_secret(&link)), verdict, "{name}");
        let change = of_doubt(user(ME).file_to_change(&link), |_| None);
        assert_eq!(change, verdict, "{name}");
    }
    world.link("mine/loop", ME, "loop");
    assert!(matches!(
        user(ME).own_secret(&world.path("mine/loop")),
        Err(Error::File { .. })
    ));
}

#[test]
fn a_kubernetes_volume_is_believed() {
    let Some(world) = World::new() else { return };
    world.directory("volume", 0, 0o1777);
    world.directory("volume/..2026", 0, 0o755);
    world.file("volume/..2026/key", 0, 0o440);
    world.link("volume/..data", 0, "..2026");
    let key = world.link("volume/key", 0, "..data/key");
    assert_eq!(of_file(user(ME).named_secret(&key)), Believed);
    assert_eq!(of_file(user(ME).passphrase(&key)), Believed);
}

#[test]
fn root_believes_root_alone() {
    let Some(world) = World::new() else { return };
    world.directory("home", ME, 0o755);
    let file = world.file("home/f", ME, 0o600);
    assert_eq!(of_file(user(0).own_secret(&file)), Refused);
    assert!(user(0).file_to_change(&file).is_err());
    assert!(user(0).file_to_change(&world.path("home/new")).is_err());
    let own = world.file("own", 0, 0o600);
    assert_eq!(of_file(user(0).own_secret(&own)), Believed);
    assert!(user(0).file_to_change(&own).is_ok());
    fs::hard_link(&own, world.path("second-name")).unwrap();
    assert!(matches!(user(0).file_to_change(&own), Err(Error::Refused(_))));
}

#[test]
fn root_reads_logins_of_the_caller_of_sudo_without_links() {
    let Some(world) = World::new() else { return };
    world.directory("home", ME, 0o755);
    let file = world.file("home/f", ME, 0o600);
    let link = world.link("home/l", ME, "f");
    let other = world.file("home/o", OTHER, 0o600);
    let sudo = Trust {
        user: system::User::of(0, Some(ME)),
        home: None,
    };
    assert_eq!(of_file(sudo.logins(&file)), Believed);
    assert_eq!(of_file(sudo.logins(&link)), Doubted(Reason::Owner(ME)));
    assert_eq!(of_file(sudo.logins(&other)), Doubted(Reason::Owner(ME)));
    assert_eq!(of_file(user(0).logins(&file)), Doubted(Reason::Owner(ME)));
    assert_eq!(of_file(sudo.own_secret(&file)), Refused);
}

#[test]
fn a_way_begins_with_the_home_if_that_is_ours() {
    let Some(world) = World::new() else { return };
    world.directory("odd", OTHER, 0o755);
    let home = world.directory("odd/home", ME, 0o755);
    let file = world.file("odd/home/f", ME, 0o600);
    let at_home = |home: &Path| Trust {
        home: Some(home.to_owned()),
        ..user(ME)
    };
    assert_eq!(of_file(at_home(&home).own_secret(&file)), Believed);
    assert_eq!(of_file(user(ME).own_secret(&file)), Refused);
    assert_eq!(of_file(at_home(&world.path("odd")).own_secret(&file)), Refused);
    let link = world.link("odd/home/l", ME, "../home/f");
    assert_eq!(of_file(at_home(&home).own_secret(&link)), Refused);
    world.set("odd/home", ME, 0o777);
    assert_eq!(of_file(at_home(&home).own_secret(&file)), Refused);
}

#[test]
fn a_program_is_judged_with_its_way_and_its_target() {
    let Some(world) = World::new() else { return };
    world.directory("bin", 0, 0o755);
    world.directory("lib", 0, 0o755);
    let program = world.file("lib/p", 0, 0o755);
    let link = world.link("bin/p", 0, "../lib/p");
    let run = |path: &Path| user(ME).program(path).map_err(|doubt| doubt.reason());
    assert_eq!(run(&program), Ok(true));
    assert_eq!(run(&link), Ok(true));
    assert_eq!(run(&world.path("bin/none")), Ok(false));
    for (name, owner, mode, verdict) in [
        ("lib/p", ME, 0o755, Ok(true)),
        ("lib/p", 0, 0o644, Ok(false)),
        ("lib/p", 0, 0o757, Err(Reason::WritableByAll)),
        ("lib/p", OTHER, 0o755, Err(Reason::Owner(OTHER))),
        ("lib", 0, 0o777, Err(Reason::WritableByAll)),
        ("lib", OTHER, 0o755, Err(Reason::Owner(OTHER))),
        ("bin", 0, 0o777, Err(Reason::WritableByAll)),
    ] {
        world.set(name, owner, mode);
        assert_eq!(run(&link), verdict, "{name} {owner} {mode:o}");
        world.set("lib/p", 0, 0o755);
        world.set("lib", 0, 0o755);
        world.set("bin", 0, 0o755);
    }
    // As in Homebrew.
    let shared = world.set("lib", 0, 0o775);
    World::group(&shared, 50);
    assert_eq!(run(&link), Ok(true));
}

#[test]
fn a_store_is_read_more_freely_if_a_setting_names_it() {
    let Some(world) = World::new() else { return };
    let theirs = Reason::Owner(OTHER);
    for (owner, mode, default, named, writing) in [
        (ME, 0o700, Believed, Believed, Believed),
        (ME, 0o755, Believed, Believed, Believed),
        (ME, 0o777, Refused, Doubted(Reason::WritableByAll), Refused),
        (ME, 0o1777, Refused, Doubted(Reason::WritableByAll), Refused),
        (OTHER, 0o755, Refused, Doubted(theirs), Refused),
        (OTHER, 0o777, Refused, Doubted(theirs), Refused),
        (0, 0o755, Believed, Believed, Believed),
    ] {
        let _ = fs::remove_dir_all(world.path("s"));
        let store = world.directory("s", owner, mode);
        let read = |is_named| {
            of_doubt(user(ME).store_to_read(&store, is_named), |opened| {
                let opened = opened.as_ref().unwrap();
                opened.doubt.as_ref().map(Doubt::reason)
            })
        };
        assert_eq!(read(false), default, "{owner} {mode:o}");
        assert_eq!(read(true), named, "{owner} {mode:o}");
        let write = of_doubt(user(ME).store_to_write(&store, true), |_| None);
        assert_eq!(write, writing, "{owner} {mode:o}");
    }
    assert!(
        user(ME)
            .store_to_read(&world.path("none"), true)
            .unwrap()
            .is_none()
    );
}

#[test]
fn the_log_is_a_file_that_nobody_else_reads() {
    let Some(world) = World::new() else { return };
    world.directory("sticky", 0, 0o1777);
    let log = |name: &str| user(0).log(&world.path(name)).map(drop);
    log("sticky/new").unwrap();
    let mode = fs::metadata(world.path("sticky/new"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    log("sticky/new").unwrap();
    for (name, owner, mode) in [("a", OTHER, 0o666), ("b", 0, 0o644), ("c", 0, 0o620)] {
        world.file(&format!("sticky/{name}"), owner, mode);
        assert!(log(&format!("sticky/{name}")).is_err(), "{name}");
        assert_eq!(
            fs::read_to_string(world.path(&format!("sticky/{name}"))).unwrap(),
            format!("sticky/{name}")
        );
    }
    world.link("sticky/l", 0, "new");
    assert!(log("sticky/l").is_err());
    fs::hard_link(world.path("sticky/new"), world.path("sticky/n")).unwrap();
    assert!(log("sticky/new").is_err());
    world.directory("open", 0, 0o777);
    assert!(log("open/new").is_err());
    assert!(!world.path("open/new").exists());
}

#[test]
fn a_refusal_names_the_cause_and_ends_with_the_command() {
    let Some(world) = World::new() else { return };
    let open = world.directory("a b", ME, 0o777);
    let file = world.file("a b/f", ME, 0o600);
    let error = user(ME).own_secret(&file).unwrap_err().to_string();
    let (open, file) = (open.display(), file.display());
    assert_eq!(
        error,
        format!("cannot trust {file}: everybody can change {open}; run: chmod go-w '{open}'")
    );
}

/// WSL's drives, a memory stick: always 0777, whatever `chmod` does.
#[test]
fn a_file_system_without_modes_is_a_warning_for_what_a_setting_names() {
    let Some(world) = World::new() else { return };
    let Some(mounted) = Modeless::mount(&world) else {
        return;
    };
    let place = &mounted.0;
    fs::create_dir(place.join("store")).unwrap();
    let file = place.join("f");
    fs::write(&file, "x").unwrap();
    let me = user(ME);
    let none = Reason::NoModes;
    assert_eq!(of_file(me.own_secret(&file)), Refused);
    for opened in [me.named_secret(&file), me.passphrase(&file)] {
        let opened = opened.unwrap().unwrap();
        assert_eq!(opened.doubt(), None);
        assert_eq!(opened.warning().unwrap().reason(), none);
    }
    assert_eq!(of_file(me.logins(&file)), Doubted(none));
    let target = me.file_to_change(&file).unwrap();
    assert_eq!(target.doubt.unwrap().reason(), none);
    assert!(me.file_to_change(&place.join("new/config.json")).is_ok());
    for is_named in [true, false] {
        let store = place.join("store");
        assert_eq!(me.store_to_read(&store, is_named).is_ok(), is_named);
        assert_eq!(me.store_to_write(&store, is_named).is_ok(), is_named);
    }
    assert_eq!(
        me.program(&file).map_err(|doubt| doubt.reason()),
        Err(Reason::NoModes)
    );
}

/// Both doubts count, though only one is shown.
#[test]
fn a_readable_file_does_not_hide_a_directory_without_modes() {
    let Some(world) = World::new() else { return };
    let Some(mounted) = Modeless::mount(&world) else {
        return;
    };
    let file = mounted.0.join("f");
    fs::write(&file, "").unwrap();
    let with_modes = world.file("readable", ME, 0o644);
    let mount = |program: &str, words: &[&Path]| std::process::Command::new(program).args(words).status();
    assert!(
        mount("mount", &[Path::new("--bind"), &with_modes, &file])
            .unwrap()
            .success()
    );
    let judged = of_file(user(ME).own_secret(&file));
    assert!(mount("umount", &[&file]).unwrap().success());
    assert_eq!(judged, Refused);
    assert_eq!(
        of_file(user(ME).own_secret(&with_modes)),
        Doubted(Reason::Readable)
    );
}

/// A file system without modes; dropping it unmounts it.
struct Modeless(PathBuf);

impl Modeless {
    /// Nothing without FUSE.
    fn mount(world: &World) -> Option<Self> {
        let source = world.directory("source", 0, 0o755);
        let place = world.directory("mounted", ME, 0o755);
        let mounted = std::process::Command::new("bindfs")
            .args(["--perms=a+rwX", "--force-user=4001"])
            .args([&source, &place])
            .output();
        mounted
            .is_ok_and(|ran| ran.status.success())
            .then_some(Self(place))
    }
}

impl Drop for Modeless {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).output();
    }
}

#[test]
fn nobody_is_told_to_change_the_mode_of_a_device() {
    let place = tempfile::tempdir().unwrap();
    let link = place.path().join("identity.txt");
    symlink("/dev/null", &link).unwrap();
    let trust = Trust::new(None, None);
    for refused in [trust.own_secret(&link), trust.passphrase(&link)] {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("/dev/null is not a regular file"), "{text}");
        assert!(!text.contains("chmod"), "{text}");
    }
}
