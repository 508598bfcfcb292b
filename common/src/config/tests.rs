use std::fs;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::{Environment, Error, Secret, ServerUrl};

fn document(text: &str) -> Document {
    Document::parse(text).unwrap()
}

fn trust() -> crate::trust::Trust {
    Environment::of_process("test").trust()
}

fn login(username: &str, password: &str) -> Login {
    Login::Password {
        username: username.into(),
        password: Secret::new(password.into()),
    }
}

fn token(text: &str) -> Login {
    Login::IdentityToken(Secret::new(text.into()))
}

#[test]
fn every_known_form_gives_its_logins() {
    const AUTH: &str = "YWxpY2U6aHVudGVyMg==";
    for (text, form, server, expected) in [
        (
            format!(r#"{{"auths": {{"ghcr.io": {{"auth": "{AUTH}"}}}}}}"#),
            Form::Auths,
            "ghcr.io",
            Some(login("alice", "hunter2")),
        ),
        (
            format!(r#"{{"AUTHS": {{"ghcr.io": {{"Auth": "{AUTH}"}}}}}}"#),
            Form::Auths,
            "ghcr.io",
            Some(login("alice", "hunter2")),
        ),
        (
            r#"{"auths": {"ghcr.io": {"username": "alice", "password": "hunter2"}}}"#.into(),
            Form::Auths,
            "ghcr.io",
            Some(login("alice", "hunter2")),
        ),
        (
            format!(r#"{{"auths": {{"a.example": {{"auth": "{AUTH}", "identitytoken": "t"}}}}}}"#),
            Form::Auths,
            "a.example",
            Some(token("t")),
        ),
        (
            r#"{"auths": {"ghcr.io": {}}}"#.into(),
            Form::Auths,
            "ghcr.io",
            None,
        ),
        (
            r#"{"auths": {"ghcr.io": null}}"#.into(),
            Form::Auths,
            "ghcr.io",
            None,
        ),
        // The form in old guides.
        (
            format!(r#"{{"https://url.com": {{"auth": "{AUTH}", "email": "email@email.com"}}}}"#),
            Form::TopLevel,
            "https://url.com",
            Some(login("alice", "hunter2")),
        ),
        (
            format!("auth = {AUTH}\nemail = alice@example.com\n"),
            Form::Lines,
            "https://index.docker.io/v1/",
            Some(login("alice", "hunter2")),
        ),
    ] {
        let document = document(&text);
        let [entry] = document.entries() else {
            panic!("{text} has one entry");
        };
        assert_eq!(entry.form(), form, "{text}");
        assert_eq!(entry.server(), server, "{text}");
        assert_eq!(entry.login(), Ok(expected), "{text}");
    }
}

#[test]
fn an_object_under_a_field_of_docker_is_no_server() {
    for field in ["plugins", "HttpHeaders", "proxies", "kubernetes"] {
        let text = json!({ field: { "auth": "YWxpY2U6aHVudGVyMg==" } }).to_string();
        assert!(document(&text).entries().is_empty(), "{field}");
    }
}

#[test]
fn auth_is_read_as_docker_reads_it() {
    for (auth, expected) in [
        ("YWxpY2U6aHVudGVyMg==", Ok(("alice", "hunter2"))),
        ("YWxpY2U6aHVu\ndGVyMg==\r\n", Ok(("alice", "hunter2"))),
        ("YWxpY2U6YTpiOmM=", Ok(("alice", "a:b:c"))),
        ("YWxpY2U6aHVudGVyMgAAAA==", Ok(("alice", "hunter2"))),
        ("YWxpY2U6", Ok(("alice", ""))),
        ("YWxpY2U6aHVudGVyMh==", Ok(("alice", "hunter2"))),
        ("YWxpY2U=", Err(AuthError::NoUsername)),
        ("Omh1bnRlcjI=", Err(AuthError::NoUsername)),
        ("", Err(AuthError::NoUsername)),
        ("YWxpY2U6aHVudGVyMg", Err(AuthError::NotBase64)),
        ("alice:hunter2", Err(AuthError::NotBase64)),
        ("YWxpY2U6_-8=", Err(AuthError::NotBase64)),
        ("YWxpY2U6//8=", Err(AuthError::NotUtf8)),
    ] {
        let expected = expected.map(|(username, password): (&str, &str)| {
            (username.to_owned(), Secret::new(password.to_owned()))
        });
        assert_eq!(decode_auth(auth), expected, "{auth:?}");
    }
}

#[test]
fn an_entry_with_unpadded_base64_has_a_login_that_docker_does_not_see() {
    let document = document(r#"{"auths": {"ghcr.io": {"auth": "YWxpY2U6aHVudGVyMg"}}}"#);
    assert_eq!(document.entries()[0].login(), Ok(Some(login("alice", "hunter2"))));
    assert_eq!(document.entries()[0].check_as_docker(), Err(AuthError::NotBase64));
}

#[test]
fn docker_s_own_texts_name_a_bad_auth() {
    assert_eq!(
        AuthError::NoUsername.to_string(),
        "invalid auth configuration file"
    );
    assert_eq!(AuthError::NotBase64.to_string(), "illegal base64 data");
}

#[test]
fn what_is_no_configuration_is_refused_with_its_place() {
    for (text, line, column) in [
        ("{", 1, 2),
        ("{\n\t\"auths\": {\n", 3, 1),
        ("{\"a\": 1,}", 1, 8),
        ("{\"a\" 1}", 1, 6),
        ("{\"a\": tru}", 1, 7),
        ("{\"a\": 01}", 1, 8),
        ("{\"a\": 1.}", 1, 9),
        ("{\"a\": \"\\x\"}", 1, 8),
        ("{\"a\": \"\\u12\"}", 1, 8),
        ("{\"é\": \"\t\"}", 1, 8),
        ("{\"a\": \"b", 1, 9),
        ("{'a': 1}", 1, 2),
        ("// c\n{}", 1, 1),
        ("[]", 1, 1),
        ("\"text\"", 1, 1),
        ("\u{FEFF}{}", 1, 1),
    ] {
        let problem = Document::parse(text).unwrap_err();
        assert_eq!(
            (problem.line(), problem.column()),
            (line, column),
            "{text:?}: {problem}"
        );
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
    let text = format!("{{\"a\": {}", "[".repeat(100_000));
    let problem = Document::parse(&text).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "is nested more than 128 levels deep (line 1, column 135)"
    );
}

#[test]
fn a_text_that_would_lose_something_is_read_and_not_changed() {
    for (text, line, column) in [
        ("{\"psFormat\": \"a\"} x", 1, 19),
        ("{\"psFormat\": \"a\"}\n{}", 2, 1),
        ("{\"a\": 1,\n \"a\": 2}", 2, 2),
        ("{\"b\": {\"a\": 1, \"\\u0061\": 2}}", 1, 16),
        ("{\"auths\": {}, \"Auths\": {}}", 1, 15),
        (
            "{\"auths\": {\"ghcr.io\": {\"auth\": \"\", \"AUTH\": \"\"}}}",
            1,
            36,
        ),
    ] {
        let document = document(text);
        let edit_blocker = document.edit_blocker().expect(text);
        assert_eq!(
            (edit_blocker.line(), edit_blocker.column()),
            (line, column),
            "{text:?}: {edit_blocker}"
        );
        assert_eq!(document.with_creds_store(Some("age")).unwrap_err(), *edit_blocker);
        assert_eq!(document.without_logins(|_| true).unwrap_err(), *edit_blocker);
    }
}

#[test]
fn a_value_of_the_wrong_type_costs_only_itself() {
    for (text, line, column) in [
        ("{\"credsStore\": \"age\", \"auths\": []}", 1, 32),
        (
            "{\"credsStore\": \"age\",\n \"auths\": {\"ghcr.io\": \"x\"}}",
            2,
            23,
        ),
        (
            "{\"credsStore\": \"age\", \"auths\": {\"ghcr.io\": {\"auth\": 1}}}",
            1,
            53,
        ),
        (
            "{\"credsStore\": \"age\", \"credHelpers\": {\"ghcr.io\": 1}}",
            1,
            50,
        ),
        ("{\"credsStore\": \"age\", \"credHelpers\": 1}", 1, 38),
    ] {
        let document = document(text);
        assert_eq!(document.creds_store(), Some("age"), "{text}");
        let problem = document.wrong_type().expect(text).clone();
        assert_eq!((problem.line(), problem.column()), (line, column), "{text:?}");
        assert_eq!(document.with_creds_store(Some("pass")).unwrap_err(), problem);
        assert_eq!(Document::parse_strictly(text).unwrap_err(), problem);
    }
    let other = document(r#"{"credsStore": {}, "credHelpers": {"ghcr.io": "age"}}"#);
    assert_eq!(
        (other.creds_store(), other.cred_helper("ghcr.io")),
        (None, Some("age"))
    );
}

#[test]
fn null_is_an_empty_configuration() {
    let changed = document("null\n").with_creds_store(Some("age")).unwrap();
    assert_eq!(changed.as_str(), "{\n\t\"credsStore\": \"age\"\n}");
}

#[test]
fn bytes_outside_of_utf_8_are_read_and_not_rewritten() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("config.json");
    let text = b"{\"x\": \"caf\xE9\", \"credsStore\": \"age\"}";
    fs::write(&path, text).unwrap();
    let file = ConfigFile::read(&path).unwrap();
    assert_eq!(file.document().creds_store(), Some("age"));
    let change = |document: &Document| Ok(document.with_creds_store(Some("pass"))?);
    let error = ConfigFile::edit(&trust(), &path, change).unwrap_err().to_string();
    assert!(
        error.ends_with("is not valid UTF-8; save it as UTF-8 (line 1, column 11)"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), text);
    fs::write(&path, b"\xFF\xFE{\0}\0").unwrap();
    assert!(ConfigFile::read(&path).is_err());
}

#[test]
fn servers_that_differ_in_case_are_two_servers() {
    assert!(
        document(r#"{"auths": {"GHCR.io": {}, "ghcr.io": {}}}"#)
            .edit_blocker()
            .is_none()
    );
}

#[test]
fn a_creds_store_is_set_in_the_style_of_the_file() {
    for (before, after) in [
        ("", "{\n\t\"credsStore\": \"age\"\n}"),
        ("{}", "{\n\t\"credsStore\": \"age\"\n}"),
        ("{}\n", "{\n\t\"credsStore\": \"age\"\n}\n"),
        ("{\n\t\"a\": 1\n}", "{\n\t\"a\": 1,\n\t\"credsStore\": \"age\"\n}"),
        (
            "{\n  \"a\": 1.50,\n  \"b\": {}\n}\n",
            "{\n  \"a\": 1.50,\n  \"b\": {},\n  \"credsStore\": \"age\"\n}\n",
        ),
        (
            "{\r\n    \"a\": 1\r\n}\r\n",
            "{\r\n    \"a\": 1,\r\n    \"credsStore\": \"age\"\r\n}\r\n",
        ),
        (r#"{"a":1}"#, r#"{"a":1,"credsStore":"age"}"#),
        (r#"{"a": 1}"#, r#"{"a": 1, "credsStore": "age"}"#),
        (r#"{ "a": 1 }"#, r#"{ "a": 1, "credsStore": "age" }"#),
        (
            r#"{"a": 1, "credsStore" : "desktop", "b": 2}"#,
            r#"{"a": 1, "credsStore" : "age", "b": 2}"#,
        ),
        (r#"{"CREDSSTORE": "desktop"}"#, r#"{"CREDSSTORE": "age"}"#),
        (r#"{"credsStore": null}"#, r#"{"credsStore": "age"}"#),
    ] {
        let changed = document(before).with_creds_store(Some("age")).unwrap();
        assert_eq!(changed.as_str(), after);
        assert_eq!(changed.creds_store(), Some("age"));
    }
}

#[test]
fn a_cred_helper_is_set_for_its_server_only() {
    for (before, after) in [
        ("{}", "{\n\t\"credHelpers\": {\n\t\t\"ghcr.io\": \"age\"\n\t}\n}"),
        (
            "{\n\t\"a\": 1\n}",
            "{\n\t\"a\": 1,\n\t\"credHelpers\": {\n\t\t\"ghcr.io\": \"age\"\n\t}\n}",
        ),
        (
            "{\n\t\"credHelpers\": {}\n}",
            "{\n\t\"credHelpers\": {\n\t\t\"ghcr.io\": \"age\"\n\t}\n}",
        ),
        (
            "{\n  \"credHelpers\": {\n    \"quay.io\": \"pass\"\n  }\n}",
            "{\n  \"credHelpers\": {\n    \"quay.io\": \"pass\",\n    \"ghcr.io\": \"age\"\n  }\n}",
        ),
        (
            r#"{"credHelpers":{"ghcr.io":"pass"}}"#,
            r#"{"credHelpers":{"ghcr.io":"age"}}"#,
        ),
        (r#"{"credHelpers":null}"#, r#"{"credHelpers":{"ghcr.io":"age"}}"#),
    ] {
        let changed = document(before).with_cred_helper("ghcr.io", Some("age")).unwrap();
        assert_eq!(changed.as_str(), after);
        assert_eq!(changed.cred_helper("ghcr.io"), Some("age"));
    }
}

#[test]
fn a_setting_is_removed_with_its_comma_and_line() {
    for (before, after) in [
        ("{\n\t\"credsStore\": \"age\",\n\t\"a\": 1\n}", "{\n\t\"a\": 1\n}"),
        ("{\n\t\"a\": 1,\n\t\"credsStore\": \"age\"\n}", "{\n\t\"a\": 1\n}"),
        (
            "{\n\t\"a\": 1,\n\t\"credsStore\": \"age\",\n\t\"b\": 2\n}",
            "{\n\t\"a\": 1,\n\t\"b\": 2\n}",
        ),
        ("{\n\t\"credsStore\": \"age\"\n}\n", "{}\n"),
        ("{\"a\": 1}", "{\"a\": 1}"),
    ] {
        assert_eq!(document(before).with_creds_store(None).unwrap().as_str(), after);
    }
}

#[test]
fn the_last_cred_helper_goes_with_its_object() {
    let document = document(r#"{"a": 1, "credHelpers": {"ghcr.io": "age"}}"#);
    assert_eq!(
        document.with_cred_helper("ghcr.io", None).unwrap().as_str(),
        r#"{"a": 1}"#
    );
    assert_eq!(
        document.with_cred_helper("quay.io", None).unwrap().as_str(),
        document.as_str()
    );
}

#[test]
fn a_blanked_entry_stays_as_a_marker_with_its_other_fields() {
    for (before, after) in [
        (r#"{"auths": {"h": {"auth": "x"}}}"#, r#"{"auths": {"h": {}}}"#),
        (
            "{\"auths\": {\n\t\"h\": {\n\t\t\"auth\": \"x\",\n\t\t\"email\": \"e\"\n\t}\n}}",
            "{\"auths\": {\n\t\"h\": {\n\t\t\"email\": \"e\"\n\t}\n}}",
        ),
        (
            r#"{"auths": {"h": {"username": "u", "password": "p", "email": "e", "identitytoken": "t"}}}"#,
            r#"{"auths": {"h": {"email": "e"}}}"#,
        ),
        (
            r#"{"auths": {"h": {"Auth": "x", "registrytoken": "r"}, "i": {"auth": "y"}}}"#,
            r#"{"auths": {"h": {"registrytoken": "r"}, "i": {"auth": "y"}}}"#,
        ),
    ] {
        let changed = document(before)
            .without_logins(|entry| entry.server() == "h")
            .unwrap();
        assert_eq!(changed.as_str(), after);
    }
}

#[test]
fn nothing_of_a_document_is_shown_by_debug() {
    let document = document(r#"{"auths": {"h": {"auth": "bTpodW50ZXIy", "password": "hunter2"}}}"#);
    let shown = format!("{document:?} {:?}", document.entries());
    assert!(!shown.contains("hunter2") && !shown.contains("bTpt"), "{shown}");
}

#[test]
fn docker_chooses_by_exact_server_then_for_all_then_auths() {
    let text = r#"{"credsStore": "desktop", "credHelpers": {"ghcr.io": "age", "quay.io": ""}}"#;
    let document = document(text);
    assert_eq!(
        lookup::docker(&document, "ghcr.io"),
        lookup::Choice::CredHelper("age")
    );
    assert_eq!(
        lookup::docker(&document, "a.example"),
        lookup::Choice::CredsStore("desktop")
    );
    assert_eq!(lookup::docker(&document, "quay.io"), lookup::Choice::Auths);
    assert_eq!(
        lookup::docker(&Document::parse("").unwrap(), "x"),
        lookup::Choice::Auths
    );
}

#[test]
fn the_entry_of_the_exact_name_answers_docker_before_one_of_the_same_host() {
    let text = r#"{"auths": {"https://a.example/v1/": {}, "a.example": {}, "b.example/foo": {}}}"#;
    let document = document(text);
    let found = |key| lookup::docker_entry(&document, key).map(Entry::server);
    assert_eq!(found("a.example"), Some("a.example"));
    assert_eq!(found("b.example"), Some("b.example/foo"));
    assert_eq!(found("c.example"), None);
}

#[test]
fn the_longest_namespace_answers_podman() {
    let text = r#"{"auths": {"quay.io": {}, "quay.io/org": {}, "https://index.docker.io/v1/": {}}}"#;
    let document = document(text);
    let found = |image| lookup::podman_entry(&document, image).map(Entry::server);
    assert_eq!(found("quay.io/org/app"), Some("quay.io/org"));
    assert_eq!(found("quay.io/other"), Some("quay.io"));
    assert_eq!(found("docker.io/library/x"), Some("https://index.docker.io/v1/"));
    assert_eq!(found("ghcr.io/x"), None);
}

#[test]
fn docker_auth_config_is_read_strictly() {
    assert!(lookup::auth_config(r#"{"auths": {"ghcr.io": {"auth": "YTpi"}}}"#).is_ok());
    for (value, problem) in [
        (
            r#"{"auths": {}, "credsStore": "x"}"#,
            "docker does not accept \"credsStore\" in it",
        ),
        (
            r#"{"auths": {"h": {"auth": "YTpi", "email": "e"}}}"#,
            "docker does not accept \"email\" in it",
        ),
        (r#"{"auths": {"h": {}}}"#, "the entry for h has no \"auth\""),
        (
            r#"{"auths": {"h": {"auth": "YTpi"}}} {}"#,
            "it continues after the end of its value; remove the rest (line 1, column 36)",
        ),
        (
            r#"{"auths": {"h": {"auth": "YQ=="}}}"#,
            "the entry for h: invalid auth configuration file",
        ),
    ] {
        assert_eq!(lookup::auth_config(value).unwrap_err().to_string(), problem);
    }
}

fn age(document: &Document) -> Result<Document, EditError> {
    Ok(document.with_creds_store(Some("age"))?)
}

#[test]
fn a_new_file_is_laid_out_as_docker_does_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("new/config.json");
    assert!(ConfigFile::edit(&trust(), &path, age).unwrap());
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "{\n\t\"credsStore\": \"age\"\n}"
    );
    assert!(!ConfigFile::edit(&trust(), &path, age).unwrap());
}

#[cfg(unix)]
#[test]
fn a_new_file_and_its_directory_are_private() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("new/config.json");
    ConfigFile::edit(&trust(), &path, age).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[cfg(unix)]
#[test]
fn mode_and_link_of_a_file_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = tempfile::tempdir().unwrap();
    let [file, middle, link] = ["dotfiles.json", "middle", "config.json"].map(|name| place.path().join(name));
    fs::write(&file, "{}").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &middle).unwrap();
    symlink("middle", &link).unwrap();
    assert!(ConfigFile::edit(&trust(), &link, age).unwrap());
    assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("middle"));
    assert_eq!(mode(&file), 0o640);
    assert!(fs::read_to_string(&file).unwrap().contains("age"));
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_makes_the_file_where_it_points() {
    let place = tempfile::tempdir().unwrap();
    let link = place.path().join("config.json");
    std::os::unix::fs::symlink("elsewhere.json", &link).unwrap();
    assert!(ConfigFile::edit(&trust(), &link, age).unwrap());
    assert!(fs::read_link(&link).is_ok());
    assert!(place.path().join("elsewhere.json").exists());
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_are_an_error() {
    let place = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| place.path().join(name));
    std::os::unix::fs::symlink(&a, &b).unwrap();
    std::os::unix::fs::symlink(&b, &a).unwrap();
    assert!(matches!(
        ConfigFile::edit(&trust(), &a, age),
        Err(Error::File { .. })
    ));
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_file_that_cannot_be_read_stays_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("config.json");
    for content in [
        &b"{\"a\": "[..],
        b"{} {}",
        b"[1]",
        b"\xEF\xBB\xBF{}",
        b"{\"a\": \"\xFF\"}",
        b"\0",
    ] {
        fs::write(&path, content).unwrap();
        assert!(matches!(
            ConfigFile::edit(&trust(), &path, age),
            Err(Error::Config { .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}

#[test]
fn what_another_program_writes_in_between_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("config.json");
    fs::write(&path, "{}").unwrap();
    let mut calls = 0;
    ConfigFile::edit(&trust(), &path, |document| {
        calls += 1;
        // On the second call, docker writes after we have read under the lock.
        if calls == 2 {
            fs::write(&path, r#"{"auths": {"ghcr.io": {}}}"#).unwrap();
        }
        age(document)
    })
    .unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        r#"{"auths": {"ghcr.io": {}}, "credsStore": "age"}"#
    );
}

#[test]
fn an_error_names_file_line_and_column() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("config.json");
    fs::write(&path, "{\n\t\"a\": 1,\n}").unwrap();
    assert_eq!(
        ConfigFile::read(&path).unwrap_err().to_string(),
        format!(
            "{} is not valid JSON: there is a trailing comma (line 2, column 8)",
            path.display()
        )
    );
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A configuration with foreign fields around the known ones.
fn configuration() -> impl Strategy<Value = Map<String, Value>> {
    let foreign = prop::collection::btree_map("x[a-z\u{e9}\"\\\\\n]{0,6}", value(), 0..4);
    let entry = prop::collection::btree_map(
        prop_oneof![
            "auth",
            "username",
            "password",
            "identitytoken",
            "email",
            "y[a-z]{0,3}"
        ],
        any::<String>().prop_map(Value::from),
        0..4,
    );
    let auths = prop::collection::btree_map("[a-z.:/]{1,8}", entry, 0..4);
    (foreign, auths, any::<prop::sample::Index>()).prop_map(|(foreign, auths, at)| {
        let mut members: Vec<(String, Value)> = foreign.into_iter().collect();
        let auths = auths
            .into_iter()
            .map(|(server, entry)| (server, Value::Object(entry.into_iter().collect())))
            .collect();
        let at = at.index(members.len() + 1);
        members.insert(at, ("auths".into(), Value::Object(auths)));
        members.into_iter().collect()
    })
}

/// The same value in the layouts that people and programs write.
fn layout() -> impl Strategy<Value = fn(&Value) -> String> {
    prop_oneof![
        Just((|value| value.to_string()) as fn(&Value) -> String),
        Just((|value| serde_json::to_string_pretty(value).unwrap()) as fn(&Value) -> String),
        Just(
            (|value| format!("\n{}\n\n", serde_json::to_string_pretty(value).unwrap()))
                as fn(&Value) -> String
        ),
        Just(
            (|value| {
                let text = serde_json::to_string_pretty(value).unwrap();
                // Only the indentation: a tab inside a string would not be JSON.
                let lines = text.lines().map(|line| {
                    let content = line.trim_start_matches("  ");
                    "\t".repeat((line.len() - content.len()) / 2) + content
                });
                lines.collect::<Vec<_>>().join("\r\n")
            }) as fn(&Value) -> String
        ),
    ]
}

proptest! {
    #[test]
    fn parsing_agrees_with_an_independent_parser_that_a_text_is_json(text in "[\\[\\]{}:,\"\\\\u0aeE.+\\- \n\t1-9dtrufalsn]{0,24}") {
        let ours = json::parse(&text).map(|parsed| parsed.is_none_or(|parsed| parsed.edit_blocker.is_none()));
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text);
        match (ours, theirs) {
            (Ok(true), theirs) => prop_assert!(theirs.is_ok() || text.trim().is_empty() || text.contains("\\u") || text.contains(['e', 'E']), "{theirs:?}"),
            // A key that comes twice, or text after the value.
            (Ok(false), _) => {}
            (Err(_), theirs) => prop_assert!(theirs.is_err()),
        }
    }

    #[test]
    fn a_setting_that_is_added_and_removed_again_leaves_every_byte_as_it_was(
        configuration in configuration(),
        layout in layout(),
        server in "[a-z.:/\"]{1,8}",
    ) {
        let text = layout(&Value::Object(configuration.clone()));
        let original = document(&text);
        let set = original.with_creds_store(Some("age")).unwrap().with_cred_helper(&server, Some("age")).unwrap();
        prop_assert_eq!(set.creds_store(), Some("age"));
        prop_assert_eq!(set.cred_helper(&server), Some("age"));
        let mut expected = configuration;
        expected.insert("credsStore".into(), "age".into());
        expected.insert("credHelpers".into(), json!({ server.clone(): "age" }));
        prop_assert_eq!(serde_json::from_str::<Value>(set.as_str()).unwrap(), Value::Object(expected));
        let removed = set.with_cred_helper(&server, None).unwrap().with_creds_store(None).unwrap();
        prop_assert_eq!(removed.as_str(), text);
    }

    #[test]
    fn blanking_takes_logins_out_and_keeps_all_else_in_order(
        configuration in configuration(),
        layout in layout(),
    ) {
        let text = layout(&Value::Object(configuration.clone()));
        let blanked = document(&text).without_logins(|_| true).unwrap();
        let mut expected = configuration;
        for entry in expected["auths"].as_object_mut().unwrap().values_mut() {
            entry.as_object_mut().unwrap().retain(|key, _| {
                !["auth", "username", "password", "identitytoken"].contains(&key.as_str())
            });
        }
        // Compared as text, so that the order of keys counts.
        let found = serde_json::from_str::<Value>(blanked.as_str()).unwrap().to_string();
        prop_assert_eq!(found, Value::Object(expected).to_string());
        let mut rest = text.chars();
        prop_assert!(blanked.as_str().chars().all(|c| rest.any(|other| other == c)), "only taken out, never changed");
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Document::parse(&text);
    }

    #[test]
    fn an_auth_that_was_encoded_is_decoded_again(username in "[^:\0]{1,20}", password in "[^\0]{0,40}") {
        let auth = encode_auth(&username, &Secret::new(password.clone()));
        prop_assert_eq!(decode_auth(auth.expose()), Ok((username, Secret::new(password))));
    }
}

#[test]
fn other_programs_entries_are_no_registry_logins() {
    for (server, is_login) in [
        ("https://index.docker.io/v1/", true),
        ("docker.io", true),
        ("ghcr.io", true),
        ("https://ghcr.io", true),
        ("https://a.example/v2/", true),
        ("http://localhost:5000", true),
        ("quay.io/org", true),
        ("https://index.docker.io/v1/access-token", false),
        ("https://index.docker.io/v1/refresh-token", false),
        ("https://notion.mcp-dcr", false),
        ("https://auth.example.com/authorize/notion", false),
        ("http://auth.example.com/authorize", false),
        ("nerdctl-experimental://ghcr.io:443", false),
    ] {
        let parsed = ServerUrl::parse(server).unwrap();
        assert_eq!(lookup::is_registry_login(&parsed), is_login, "{server}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn docker_takes_pass_or_the_secret_service_if_nothing_is_configured() {
    use std::os::unix::fs::PermissionsExt;

    use super::default_store::DefaultStore;

    let (pass, helper, service) = (
        "pass",
        "docker-credential-pass",
        "docker-credential-secretservice",
    );
    for (programs, expected) in [
        (&[pass, helper, service][..], DefaultStore::Helper("pass")),
        (&[pass, service], DefaultStore::SecretServiceSinceDocker29),
        (&[helper, service], DefaultStore::Helper("secretservice")),
        (&[pass], DefaultStore::Auths),
        (&[helper], DefaultStore::Auths),
    ] {
        let directory = tempfile::tempdir().unwrap();
        for program in programs {
            let path = directory.path().join(program);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let environment = Environment::stated("test", [("PATH", directory.path())]);
        let default = |text: &str| default_store::of(&environment, &Document::parse(text).unwrap());
        for unset in ["", "{}", r#"{"auths": {}, "credHelpers": {}, "credsStore": ""}"#] {
            assert_eq!(default(unset), expected, "{programs:?}");
        }
        for set in [
            r#"{"auths": {"a": {}}}"#,
            r#"{"credHelpers": {"a": "b"}}"#,
            r#"{"credsStore": "x"}"#,
        ] {
            assert_eq!(default(set), DefaultStore::Auths, "{programs:?} {set}");
        }
    }
}
