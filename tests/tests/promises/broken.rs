//! Helpers that are broken on purpose, with one fault each: the current source with a few lines changed.
//!
//! The product has no switch for this. We copy its source, add each fault to the copy, enabled by a variable,
//! and build the copy once. If a fault's lines aren't in the source any more, the test fails, because its
//! control would be void.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use docker_credential_tests::helper::{AGE, target_directory};
use docker_credential_tests::sandbox::Sandbox;

/// The variable that selects the fault of a broken helper.
const SWITCH: &str = "DOCKER_CREDENTIAL_TEST_FAULT";

struct Fault {
    name: &'static str,
    file: &'static str,
    sound: &'static str,
    /// `FAULT` is replaced with the condition that this fault is selected.
    broken: &'static str,
}

const FAULTS: &[Fault] = &[
    // Like a helper without rename.
    Fault {
        name: "writes-in-place",
        file: "common/src/directory.rs",
        sound: "        self.remove_stray_temporaries(lock);\n",
        broken: "        self.remove_stray_temporaries(lock);
        if FAULT {
            let mut file = std::fs::File::create(self.path.join(name))?;
            for byte in content {
                io::Write::write_all(&mut file, &[*byte])?;
            }
            file.sync_all()?;
            return system::sync(&self.handle);
        }\n",
    },
    // Like one that avoids overwriting.
    Fault {
        name: "removes-first",
        file: "common/src/directory.rs",
        sound: "        system::rename(&self.handle, &temporary.name, name)?;\n",
        broken: "        if FAULT {
            let _ = system::remove(&self.handle, name);
        }
        system::rename(&self.handle, &temporary.name, name)?;\n",
    },
    Fault {
        name: "no-directory-sync",
        file: "common/src/directory/unix.rs",
        sound: "    match rustix::fs::fsync(directory) {\n",
        broken: "    if FAULT {
        return Ok(());
    }
    match rustix::fs::fsync(directory) {\n",
    },
    Fault {
        name: "no-lock",
        file: "common/src/directory/lock.rs",
        sound: "    match file.try_lock() {\n",
        broken: "    if FAULT {
        return Ok(file);
    }
    match file.try_lock() {\n",
    },
    // A lock file, which stays when its creator is killed.
    Fault {
        name: "lock-file",
        file: "common/src/directory/lock.rs",
        sound: "    match file.try_lock() {\n",
        broken: "    if FAULT {
        let path = std::path::PathBuf::from(std::env::var_os(\"TMPDIR\").unwrap_or_default()).join(\"lock\");
        let deadline = std::time::Instant::now() + wait;
        while File::create_new(&path).is_err() {
            if std::time::Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        LOCK_FILE.set(path).ok();
        return Ok(file);
    }
    match file.try_lock() {\n",
    },
    Fault {
        name: "lock-file",
        file: "common/src/directory/lock.rs",
        sound: "/// Held while writing to a directory.",
        broken: "static LOCK_FILE: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = LOCK_FILE.get() {
            let _ = std::fs::remove_file(path);
        }
    }
}
/// Held while writing to a directory.",
    },
    Fault {
        name: "unbound-entries",
        file: "helpers/age/src/store/decipher.rs",
        sound: "    if entry_name(credential.server().key()) != name {\n",
        broken: "    if !(FAULT) && entry_name(credential.server().key()) != name {\n",
    },
    Fault {
        name: "unbound-entries",
        file: "common/src/matching.rs",
        sound: "        Some(credential) if credential.server().key() != server.key() => Err",
        broken: "        Some(credential) if !(FAULT) && credential.server().key() != server.key() => Err",
    },
    Fault {
        name: "forgets-rotations",
        file: "helpers/age/src/store/rotation.rs",
        sound: "        if !self.is_rotation_pending()? {\n",
        broken: "        if FAULT || !self.is_rotation_pending()? {\n",
    },
    Fault {
        name: "keeps-memory",
        file: "common/src/sys.rs",
        sound: "            wipe(block, layout.size());\n",
        broken: "            if !(FAULT) {
                wipe(block, layout.size());
            }\n",
    },
    // Trust refuses a store that others can replace. Without that, only the directory's handle protects it.
    Fault {
        name: "reopens-by-path",
        file: "common/src/trust/unix/user.rs",
        sound: "    pub(super) fn is(&self, owner: u32) -> bool {\n",
        broken: "    pub(super) fn is(&self, owner: u32) -> bool {
        if FAULT {
            return true;
        }\n",
    },
    // Checks the store once, and then writes to any directory of its name.
    Fault {
        name: "reopens-by-path",
        file: "common/src/directory.rs",
        sound: "        self.remove_stray_temporaries(lock);\n",
        broken: "        self.remove_stray_temporaries(lock);
        if FAULT {
            let again = Self::open(&self.path)?;
            let temporary = again.write_temporary(content, ownership)?;
            system::rename(&again.handle, &temporary.name, name)?;
            temporary.keep();
            return system::sync(&again.handle);
        }\n",
    },
    Fault {
        name: "follows-links",
        file: "common/src/directory/unix.rs",
        sound: "READING.union(OFlags::NOFOLLOW)",
        broken: "READING.union(if FAULT { OFlags::empty() } else { OFlags::NOFOLLOW })",
    },
    // Private at the end, but not from the beginning.
    Fault {
        name: "private-later",
        file: "common/src/directory/unix.rs",
        sound: "    Ok(rustix::fs::openat(directory, name, CREATING, PRIVATE)?.into())\n",
        broken: "    if FAULT {
        rustix::process::umask(Mode::empty());
        return Ok(rustix::fs::openat(directory, name, CREATING, Mode::from_raw_mode(0o644))?.into());
    }
    Ok(rustix::fs::openat(directory, name, CREATING, PRIVATE)?.into())\n",
    },
    Fault {
        name: "private-later",
        file: "common/src/directory/temporary.rs",
        sound: "        system::close(file)?;\n",
        broken: "        if FAULT {
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        }
        system::close(file)?;\n",
    },
    Fault {
        name: "logs-secrets",
        file: "common/src/protocol/verbs.rs",
        sound: "format!(\"stored {}\", credential.server())",
        broken: "format!(\"stored {} {}\", credential.server(), if FAULT { credential.secret().expose() } else { \"\" })",
    },
    Fault {
        name: "trims-values",
        file: "common/src/protocol/request.rs",
        sound: "                \"secret\" => fields.secret = map.next_value()?,\n",
        broken: "                \"secret\" => {
                    fields.secret = map.next_value()?;
                    if FAULT {
                        fields.secret = fields.secret.trim_end().to_owned();
                    }
                }\n",
    },
    Fault {
        name: "believes-all",
        file: "common/src/trust/unix/user.rs",
        sound: "        owner == self.id || owner == 0 || self.also == Some(owner)\n",
        broken: "        FAULT || owner == self.id || owner == 0 || self.also == Some(owner)\n",
    },
    Fault {
        name: "believes-all",
        file: "common/src/trust/unix.rs",
        sound: "    let mode = found.mode();\n    let reason = ",
        broken: "    if FAULT {
        return None;
    }
    let mode = found.mode();
    let reason = ",
    },
    Fault {
        name: "believes-all",
        file: "common/src/trust/unix.rs",
        sound: "    Ok(if !found.is_file() {\n        Some(doubt(path, Reason::Kind))\n    } else if found.uid() != user.id",
        broken: "    if FAULT {
        return Ok(None);
    }
    Ok(if !found.is_file() {
        Some(doubt(path, Reason::Kind))
    } else if found.uid() != user.id",
    },
    // Trust on every use.
    Fault {
        name: "approves-all",
        file: "helpers/age/src/sharing/approval.rs",
        sound: "        if newcomers.is_empty() {\n",
        broken: "        if FAULT || newcomers.is_empty() {\n",
    },
    // Reads a header as the age crate does.
    Fault {
        name: "parses-by-line",
        file: "helpers/age/src/keys/header.rs",
        sound: "        if self.header == 0 {\n",
        broken: "        if FAULT || self.header == 0 {\n",
    },
    Fault {
        name: "parses-by-line",
        file: "helpers/age/src/keys/header.rs",
        sound: "            if stanzas > STANZAS_MAX {\n",
        broken: "            if !(FAULT) && stanzas > STANZAS_MAX {\n",
    },
    // Like a URL library.
    Fault {
        name: "any-port",
        file: "common/src/server/registry.rs",
        sound: "        let (host, port) = split_port(address)?;\n",
        broken: "        let (host, port) = split_port(address)?;
        let port = if FAULT { None } else { port };\n",
    },
];

/// The broken helper; `fault` is one of [`FAULTS`].
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build)
}

/// The helper of a harness: the real one, or a broken one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Sound,
    Broken(&'static str),
}

impl Subject {
    /// An empty sandbox with this helper.
    pub(crate) fn place(self) -> Sandbox {
        self.place_below(&std::env::temp_dir())
    }

    /// An empty sandbox with this helper in the given directory.
    pub(crate) fn place_below(self, directory: &Path) -> Sandbox {
        let mut place = Sandbox::below(directory, AGE);
        if let Self::Broken(fault) = self {
            assert!(FAULTS.iter().any(|known| known.name == fault), "no fault {fault}");
            place.set_program(program());
            place.set(SWITCH, fault);
        }
        place
    }
}

fn build() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests lie in the workspace");
    let directory = target_directory().join("broken");
    fs::create_dir_all(&directory).expect("a directory for the broken helpers");
    // One build at a time.
    let lock = fs::File::create(directory.join("lock")).expect("a lock for the broken helpers");
    lock.lock().expect("a lock for the broken helpers");

    let source = directory.join("source");
    fs::create_dir_all(&source).expect("a directory for the copy");
    let edited = edited(workspace);
    for entry in workspace.read_dir().expect("the source can be listed") {
        let path = entry.expect("the source can be listed").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy();
        // All members of the workspace, without built files.
        if !(name.starts_with('.') || name == "target" || name == "fuzz" || path == target_directory()) {
            copy(&path, &source.join(&*name), &edited);
        }
    }

    let target = directory.join("target");
    let built = Command::new(env!("CARGO"))
        .current_dir(&source)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .env("RUSTC", Path::new(env!("CARGO")).with_file_name("rustc"))
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--package",
            "docker-credential-age",
        ])
        .args(["--config", "profile.release.lto=false"])
        .args(["--config", "profile.release.codegen-units=16"])
        .args(["--config", "profile.release.opt-level=1"])
        .status()
        .expect("cargo can be run");
    assert!(built.success(), "the broken helpers do not build");
    target.join("release/docker-credential-age")
}

/// The source files with faults.
fn edited(workspace: &Path) -> HashMap<PathBuf, String> {
    let mut edited = HashMap::new();
    for fault in FAULTS {
        let path = workspace.join(fault.file);
        let text = edited
            .remove(&path)
            .unwrap_or_else(|| fs::read_to_string(&path).expect("the source of the helpers"));
        assert_eq!(
            text.matches(fault.sound).count(),
            1,
            "the fault {} is to change what is not in {} (once): {}",
            fault.name,
            fault.file,
            fault.sound
        );
        let library = if fault.file.starts_with("common/") {
            "crate"
        } else {
            "docker_credential_helper"
        };
        let condition = format!("{library}::fault(\"{}\")", fault.name);
        let text = text.replace(fault.sound, &fault.broken.replace("FAULT", &condition));
        edited.insert(path, text);
    }
    let library = workspace.join("common/src/lib.rs");
    let text = fs::read_to_string(&library).expect("the source of the shared crate");
    edited.insert(library, text + SWITCHED);
    edited
}

/// Read without allocating, because the allocator also calls this.
const SWITCHED: &str = "
#[doc(hidden)]
#[allow(unsafe_code, missing_docs)]
pub fn fault(name: &str) -> bool {
    let value = unsafe { libc::getenv(c\"DOCKER_CREDENTIAL_TEST_FAULT\".as_ptr()) };
    !value.is_null() && unsafe { std::ffi::CStr::from_ptr(value) }.to_bytes() == name.as_bytes()
}
";

fn copy(from: &Path, to: &Path, edited: &HashMap<PathBuf, String>) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a directory for the copy");
        forget_what_is_gone(from, to);
        for entry in from.read_dir().expect("the source can be listed") {
            let name = entry.expect("the source can be listed").file_name();
            copy(&from.join(&name), &to.join(&name), edited);
        }
    } else if let Some(text) = edited.get(from) {
        write(to, text.as_bytes());
    } else {
        write(to, &fs::read(from).expect("the source can be read"));
    }
}

/// Removes files of an earlier copy that aren't in the source any more, because they could be a second target
/// with the same name.
fn forget_what_is_gone(from: &Path, to: &Path) {
    for entry in to.read_dir().expect("the copy can be listed") {
        let entry = entry.expect("the copy can be listed");
        if !from.join(entry.file_name()).exists() {
            let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
        }
    }
}

/// Only writes changed files, so that cargo only rebuilds those.
fn write(path: &Path, content: &[u8]) {
    if fs::read(path).is_ok_and(|there| there == content) {
        return;
    }
    fs::write(path, content).expect("the copy can be written");
}
