use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex};

use super::*;

/// A store of small blobs in memory, which can fail at the n-th change.
#[derive(Default)]
struct Memory {
    blobs: RefCell<BTreeMap<String, Vec<u8>>>,
    changes_left: Cell<Option<usize>>,
}

impl Memory {
    fn change(&self) -> Result<(), Error> {
        match self.changes_left.get() {
            Some(0) => return Err(Error::Unavailable("power cut".into())),
            Some(left) => self.changes_left.set(Some(left - 1)),
            None => {}
        }
        Ok(())
    }
}

impl Blobs for Memory {
    const BLOB_MAX: usize = 256;
    const NAME_MAX: usize = 300;
    const STORE: &str = "the memory";

    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        Ok(self.blobs.borrow().get(name).cloned().map(Zeroizing::new))
    }

    fn write(&self, name: &str, blob: &[u8]) -> Result<(), Error> {
        assert!(blob.len() <= Self::BLOB_MAX && name.len() <= Self::NAME_MAX);
        self.change()?;
        self.blobs.borrow_mut().insert(name.to_owned(), blob.to_vec());
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        self.change()?;
        self.blobs.borrow_mut().remove(name);
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        Ok(self.blobs.borrow().keys().cloned().collect())
    }
}

fn server(text: &str) -> ServerUrl {
    ServerUrl::parse(text).unwrap()
}

fn credential(at: &str, username: &str, secret: &str) -> Credential {
    Credential::new(
        server(at),
        Username::parse(username.to_owned()).unwrap(),
        Secret::new(secret.to_owned()),
    )
}

fn store() -> BlobStore<Memory> {
    BlobStore::new(Memory::default())
}

/// One that fits into a blob, and one that takes several.
fn secrets() -> [String; 2] {
    ["short".to_owned(), "long ".repeat(500)]
}

#[test]
fn a_record_comes_back_byte_for_byte_whatever_its_length() {
    for length in (0..700).chain([5_000, 100_000]) {
        let stored = credential("ghcr.io", "u", &"é\0".repeat(length));
        let store = store();
        store.store(&stored).unwrap();
        assert_eq!(store.get(&server("https://GHCR.io/v2/")).unwrap(), Some(stored));
    }
}

#[test]
fn storing_again_replaces_and_leaves_nothing_of_the_old_record() {
    for old in secrets() {
        for new in secrets() {
            let store = store();
            store.store(&credential("ghcr.io", "old", &old)).unwrap();
            store.store(&credential("https://ghcr.io", "new", &new)).unwrap();
            let fresh = self::store();
            fresh.store(&credential("https://ghcr.io", "new", &new)).unwrap();
            assert_eq!(
                store.blobs.names().unwrap().len(),
                fresh.blobs.names().unwrap().len(),
                "no chunk of the old one is left"
            );
            assert_eq!(
                store
                    .get(&server("ghcr.io"))
                    .unwrap()
                    .unwrap()
                    .username()
                    .as_str(),
                "new"
            );
            assert_eq!(store.list().unwrap().len(), 1);
        }
    }
}

#[test]
fn a_store_that_is_cut_short_anywhere_leaves_the_old_or_the_new_record() {
    for old in secrets() {
        for new in secrets() {
            for cut in 0.. {
                let store = store();
                let (old, new) = (credential("ghcr.io", "u", &old), credential("ghcr.io", "u", &new));
                store.store(&old).unwrap();
                store.blobs.changes_left.set(Some(cut));
                let stored = store.store(&new);
                let was_cut = store.blobs.changes_left.take() == Some(0);
                let answer = store.get(&server("ghcr.io")).unwrap().unwrap();
                assert!(answer == old || answer == new, "cut after {cut} changes");
                assert!(stored.is_err() || answer == new, "cut after {cut} changes");
                store.erase(&server("ghcr.io")).unwrap();
                assert!(
                    store.blobs.names().unwrap().is_empty(),
                    "erase removes what a cut left behind"
                );
                if !was_cut {
                    break;
                }
            }
        }
    }
}

#[test]
fn two_stores_at_once_never_remove_each_others_chunks() {
    let [_, long] = secrets();
    let store = store();
    store.store(&credential("ghcr.io", "old", &long)).unwrap();
    // Another process has written its chunks but not its head.
    let other = chunk_name(&name(&server("ghcr.io")), "ffffffffffffffff", 0);
    store.blobs.write(&other, b"chunk").unwrap();
    store.store(&credential("ghcr.io", "new", &long)).unwrap();
    assert!(store.blobs.read(&other).unwrap().is_some());
}

/// The state that two processes share: a store, and the order of their accesses to it.
struct Shared {
    memory: Memory,
    turns: VecDeque<(Process, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    Storing,
    Erasing,
}

/// One process's view of the store: each access waits for its turn.
struct Seen<'a> {
    by: Process,
    shared: &'a Mutex<Shared>,
    next: &'a Condvar,
}

impl Seen<'_> {
    fn access<T>(&self, access: impl FnOnce(&Memory) -> T) -> T {
        let shared = self.shared.lock().unwrap();
        let mut shared = self
            .next
            .wait_while(shared, |shared| {
                shared
                    .turns
                    .front()
                    .is_some_and(|(process, _)| *process != self.by)
            })
            .unwrap();
        let answer = access(&shared.memory);
        if let Some((_, left)) = shared.turns.front_mut() {
            *left -= 1;
            if *left == 0 {
                shared.turns.pop_front();
            }
        }
        self.next.notify_all();
        answer
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        let mut shared = self.shared.lock().unwrap();
        shared.turns.retain(|(process, _)| *process != self.by);
        self.next.notify_all();
    }
}

impl Blobs for Seen<'_> {
    const BLOB_MAX: usize = Memory::BLOB_MAX;
    const NAME_MAX: usize = Memory::NAME_MAX;
    const STORE: &'static str = Memory::STORE;

    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.access(|memory| memory.read(name))
    }

    fn write(&self, name: &str, blob: &[u8]) -> Result<(), Error> {
        self.access(|memory| memory.write(name, blob))
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        self.access(|memory| memory.delete(name))
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        self.access(Memory::names)
    }
}

/// The result after a store and an erase of the same server both succeeded, with this order of accesses.
fn store_beside_erase(before: &Credential, new: &Credential, turns: &[(Process, usize)]) -> Memory {
    let old = store();
    old.store(before).unwrap();
    let shared = Mutex::new(Shared {
        memory: old.blobs,
        turns: turns
            .iter()
            .copied()
            .filter(|(_, accesses)| *accesses > 0)
            .collect(),
    });
    let next = Condvar::new();
    let [storing, erasing] = [Process::Storing, Process::Erasing].map(|by| {
        BlobStore::new(Seen {
            by,
            shared: &shared,
            next: &next,
        })
    });
    std::thread::scope(|scope| {
        scope.spawn(move || storing.store(new).unwrap());
        scope.spawn(move || erasing.erase(new.server()).unwrap());
    });
    shared.into_inner().unwrap().memory
}

#[test]
fn a_store_beside_an_erase_is_kept_whole_or_erased_whole_however_they_take_turns() {
    // More accesses than either needs.
    const ALL: usize = 1000;
    let long = "long ".repeat(120);
    let [before, new] = ["old", "new"].map(|username| credential("ghcr.io", username, &long));
    let fresh = store();
    fresh.store(&new).unwrap();
    let blobs = fresh.blobs.names().unwrap().len();
    let (mut kept, mut erased) = (0, 0);
    for (first, second) in [
        (Process::Storing, Process::Erasing),
        (Process::Erasing, Process::Storing),
    ] {
        for i in 0..30 {
            for j in 0..30 {
                let turns = [(first, i), (second, j), (first, ALL), (second, ALL)];
                let store = BlobStore::new(store_beside_erase(&before, &new, &turns));
                let left = store.blobs.names().unwrap().len();
                match store.get(&server("ghcr.io")) {
                    Ok(None) => {
                        assert_eq!(left, 0, "{turns:?}");
                        erased += 1;
                    }
                    Ok(Some(answer)) => {
                        assert_eq!(answer, new, "{turns:?}");
                        assert!(left <= blobs, "{turns:?}: {left} blobs");
                        kept += 1;
                    }
                    Err(error) => panic!("{turns:?}: {error}"),
                }
            }
        }
    }
    assert!(kept > 0 && erased > 0, "both come first at times");
}

type Damage = fn(&mut BTreeMap<String, Vec<u8>>, &str);

#[test]
fn a_record_with_a_chunk_missing_changed_or_from_elsewhere_is_damaged_and_never_cut() {
    let [_, long] = secrets();
    let breaks: [Damage; 4] = [
        |blobs, chunk| drop(blobs.remove(chunk)),
        |blobs, chunk| blobs.get_mut(chunk).unwrap()[0] ^= 1,
        |blobs, chunk| assert!(blobs.get_mut(chunk).unwrap().pop().is_some()),
        |blobs, chunk| blobs.get_mut(chunk).unwrap().push(b'x'),
    ];
    for damage in breaks {
        let store = store();
        store.store(&credential("ghcr.io", "u", &long)).unwrap();
        let chunks: Vec<String> = store.blobs.names().unwrap();
        let chunk = chunks.iter().rfind(|name| chunk_owner(name).is_some()).unwrap();
        damage(&mut store.blobs.blobs.borrow_mut(), chunk);
        assert!(matches!(store.get(&server("ghcr.io")), Err(Error::Damaged(_))));
        assert!(store.list().unwrap().is_empty(), "list goes on without it");
        store.store(&credential("ghcr.io", "u", "again")).unwrap();
        assert_eq!(
            store.get(&server("ghcr.io")).unwrap().unwrap().secret().expose(),
            "again"
        );
    }
}

#[test]
fn a_foreign_blob_under_our_name_is_damaged_and_not_a_panic() {
    for blob in [
        &b""[..],
        b"1",
        b"2",
        b"3",
        b"1{}",
        b"2{}",
        b"1null",
        b"\xff",
        br#"2{"generation":"x","chunks":18446744073709551615,"length":18446744073709551615,"sha256":""}"#,
    ] {
        let store = store();
        store.blobs.write(&name(&server("ghcr.io")), blob).unwrap();
        assert!(
            matches!(store.get(&server("ghcr.io")), Err(Error::Damaged(_))),
            "{blob:?}"
        );
        assert!(store.list().unwrap().is_empty());
    }
}

#[test]
fn a_record_under_another_name_is_damaged_and_not_listed() {
    let store = store();
    store.store(&credential("ghcr.io", "u", "s")).unwrap();
    let record = store.blobs.read(&name(&server("ghcr.io"))).unwrap().unwrap();
    store.blobs.write(&name(&server("quay.io")), &record).unwrap();
    assert!(matches!(store.get(&server("quay.io")), Err(Error::Damaged(_))));
    let listed = store.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].server, server("ghcr.io"));
    assert_eq!(store.left_out(), 1);
}

#[test]
fn erasing_one_server_leaves_the_others() {
    for secret in secrets() {
        let store = store();
        for at in [
            "ghcr.io",
            "ghcr.io/a",
            "ghcr.io/A",
            "http://ghcr.io",
            "ghcr.io:5000",
        ] {
            store.store(&credential(at, "u", &secret)).unwrap();
        }
        store.erase(&server("https://ghcr.io/v1/")).unwrap();
        store.erase(&server("ghcr.io/missing")).unwrap();
        let mut left: Vec<_> = store
            .list()
            .unwrap()
            .iter()
            .map(|item| item.server.as_str().to_owned())
            .collect();
        left.sort();
        assert_eq!(left, ["ghcr.io/A", "ghcr.io/a", "ghcr.io:5000", "http://ghcr.io"]);
    }
}

#[test]
fn different_servers_have_names_that_differ_in_more_than_case() {
    let servers = [
        "ghcr.io/a",
        "ghcr.io/A",
        "x://%41",
        "x://a#1",
        "x://a%231",
        "x://é",
        "x://É",
        "x://a*",
        "x://a?",
    ];
    let mut names: Vec<_> = servers.iter().map(|text| name(&server(text))).collect();
    for name in &names {
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && byte != b'#')
        );
        assert_eq!(
            chunk_owner(&chunk_name(name, GENERATION_SAMPLE, 7)),
            Some(name.as_str())
        );
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), servers.len());
}

#[test]
fn a_server_that_is_too_long_is_refused_with_the_limit_and_never_found() {
    let long = format!("ghcr.io/{}", "a".repeat(400));
    let store = store();
    let error = store.store(&credential(&long, "u", "s")).unwrap_err();
    assert!(
        matches!(&error, Error::Refused(text) if text.contains("300")),
        "{error}"
    );
    assert_eq!(store.get(&server(&long)).unwrap(), None);
    store.erase(&server(&long)).unwrap();
}
