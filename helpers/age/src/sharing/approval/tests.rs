use super::*;

const DAY: Date = Date::of_seconds(1_795_651_200);
const NEXT: Date = Date::of_seconds(1_795_651_200 + 86_400);

fn set(recipients: &[&str]) -> BTreeSet<String> {
    recipients
        .iter()
        .map(|recipient| (*recipient).to_owned())
        .collect()
}

fn list(recipients: &[&str]) -> RecipientsFile {
    RecipientsFile::of(recipients.iter().map(|recipient| (*recipient).to_owned()))
}

fn approval(recipients: &[&str]) -> Approval {
    Approval {
        approved: set(recipients),
        ..Approval::default()
    }
}

fn refused(approval: &Approval, recipients: &[&str], own: &[&str]) -> Option<String> {
    match approval.compare(Some(&list(recipients)), &set(own)) {
        ApprovalState::Agreed => None,
        ApprovalState::Refused(objection) => Some(objection.to_string()),
    }
}

#[test]
fn nobody_is_approved_for_being_seen_first() {
    let nobody = Approval::default();
    assert!(
        refused(&nobody, &["age1a", "age1b"], &["age1a"])
            .unwrap()
            .ends_with(": +age1b")
    );
    assert_eq!(refused(&nobody, &["age1a"], &["age1a"]), None);
    assert_eq!(nobody.compare(None, &set(&[])), ApprovalState::Agreed);
}

#[test]
fn the_approved_and_ones_own_keys_are_agreed_to() {
    let approved = approval(&["age1a", "age1b"]);
    for named in [&["age1a", "age1b"][..], &["age1b"], &["age1b", "age1own"]] {
        assert_eq!(refused(&approved, named, &["age1own"]), None, "{named:?}");
    }
    assert!(
        refused(&approved, &["age1a", "age1c"], &[])
            .unwrap()
            .contains("+age1c")
    );
}

#[test]
fn a_list_that_is_gone_is_refused_unless_it_named_nobody_else() {
    let ApprovalState::Refused(objection) = approval(&["age1a", "age1b"]).compare(None, &set(&["age1a"]))
    else {
        panic!("the list is gone");
    };
    assert_eq!(objection.to_string(), "its .age-recipients is gone");
    assert_eq!(
        approval(&["age1a"]).compare(None, &set(&["age1a"])),
        ApprovalState::Agreed
    );
}

#[test]
fn somebody_who_left_is_not_let_in_again() {
    let mut approval = approval(&["age1a", "age1m"]);
    assert!(approval.mark_absent(&set(&["age1a"]), DAY));
    assert!(!approval.mark_absent(&set(&["age1a"]), DAY));
    assert_eq!(
        refused(&approval, &["age1a", "age1m"], &[]).unwrap(),
        "its .age-recipients names recipients that you have not approved: \
         +age1m (was removed, last missing on 2026-11-26, is back)"
    );
    assert!(
        approval.mark_absent(&set(&["age1a"]), NEXT),
        "the date is the last one"
    );
    assert!(
        !approval.mark_absent(&set(&["age1a", "age1m"]), DAY),
        "they are here"
    );
    approval.approve(&set(&["age1a", "age1m"]), NEXT);
    assert_eq!(refused(&approval, &["age1a", "age1m"], &[]), None);
}

#[test]
fn an_approval_survives_its_file() {
    let mut approval = approval(&["age1a", "ssh-ed25519 AAAA"]);
    approval.mark_absent(&set(&["age1a"]), DAY);
    let text = approval.to_text(Path::new("/store"));
    assert_eq!(Approval::from_text(&text), Some(approval.clone()), "{text}");
    approval.approve(&set(&[]), DAY);
    let text = approval.to_text(Path::new("/store"));
    assert!(text.contains(ALONE), "{text}");
    assert_eq!(Approval::from_text(&text), Some(approval));
}

#[test]
fn a_file_of_version_0_1_0_still_counts() {
    let read = |text: &str| Approval::from_text(text).unwrap();
    assert_eq!(read("# /store\nage1a\nage1b\n"), approval(&["age1a", "age1b"]));
    let alone = read("# /store\nnone but my own identity\n");
    assert!(alone.is_alone && alone.approved.is_empty());
    assert_eq!(alone.compare(None, &set(&[])), ApprovalState::Agreed);
    assert!(refused(&alone, &["age1a"], &[]).is_some());
}

fn place() -> (tempfile::TempDir, ApprovalRecord) {
    let place = tempfile::tempdir().unwrap();
    let file = ApprovalRecord::of(place.path(), &environment(place.path())).unwrap();
    (place, file)
}

fn environment(place: &Path) -> Environment {
    Environment::stated("test", [("XDG_CONFIG_HOME", place.as_os_str())])
}

#[test]
fn a_file_that_cannot_be_understood_approves_nobody() {
    let (_place, file) = place();
    file.approve(&set(&["age1a"])).unwrap();
    for content in [
        &b""[..],
        b"# only this\n",
        b"\xff",
        b"absent age1a\n",
        b"absent 2026-13-01 age1a\n",
    ] {
        fs::write(file.directory.join(&file.name), content).unwrap();
        assert!(matches!(file.read(), Err(Error::Damaged(_))), "{content:?}");
    }
}

#[test]
fn a_change_that_fails_leaves_the_approval_as_it_was() {
    let (_place, record) = place();
    let before = record.allow(&set(&["age1a", "age1b"]), true).unwrap();
    let during = record.read().unwrap();
    assert_eq!(during.compare(None, &set(&[])), ApprovalState::Agreed);
    assert_eq!(refused(&during, &["age1a", "age1b"], &[]), None);
    record.restore(&before).unwrap();
    assert!(refused(&record.read().unwrap(), &["age1b"], &[]).is_some());
}

#[test]
fn stores_have_approvals_of_their_own_and_know_of_equals() {
    let (place, file) = place();
    let other = place.path().join("other");
    fs::create_dir(&other).unwrap();
    let other = ApprovalRecord::of(&other, &environment(place.path())).unwrap();
    file.approve(&set(&["age1a"])).unwrap();
    assert_eq!(other.read().unwrap(), Approval::default());
    let equals = other.stores_with(&set(&["age1a"]));
    assert_eq!(equals, [file.store.to_string_lossy()]);
    assert!(other.stores_with(&set(&["age1b"])).is_empty());
    assert!(file.stores_with(&set(&["age1a"])).is_empty(), "itself");
}

#[test]
fn a_sum_is_that_of_the_set() {
    assert_eq!(sum(&set(&["age1b", "age1a"])), sum(&set(&["age1a", "age1b"])));
    assert_ne!(sum(&set(&["age1a"])), sum(&set(&["age1b"])));
    assert_eq!(sum(&set(&[])).len(), "sha256:".len() + 64);
}
