use super::*;

fn server_text(input: &[u8]) -> Result<String, String> {
    server(input)
        .map(|server| server.as_str().to_owned())
        .map_err(|error| error.to_string())
}

fn store(json: &str) -> Result<(String, String, String), String> {
    match credential(json.as_bytes()) {
        Ok(credential) => Ok((
            credential.server().as_str().to_owned(),
            credential.username().as_str().to_owned(),
            credential.secret().expose().to_owned(),
        )),
        Err(error) => Err(error.to_string()),
    }
}

/// The result of [`store`] for a well-formed request.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands beside the result that it is compared with"
)]
fn stored(server: &str, username: &str, secret: &str) -> Result<(String, String, String), String> {
    Ok((server.into(), username.into(), secret.into()))
}

#[test]
fn a_server_may_end_in_a_line_end_or_begin_with_a_byte_order_mark() {
    for input in [
        "ghcr.io",
        "ghcr.io\n",
        "ghcr.io\r\n",
        " \tghcr.io \n\n",
        "\u{feff}ghcr.io\r\n",
    ] {
        assert_eq!(
            server_text(input.as_bytes()).as_deref(),
            Ok("ghcr.io"),
            "{input:?}"
        );
    }
}

#[test]
fn an_empty_server_has_its_own_text() {
    for input in ["", "\n", " \r\n\t", "\u{feff}", "\u{feff}\n"] {
        assert_eq!(
            server_text(input.as_bytes()),
            Err("no credentials server URL".into()),
            "{input:?}"
        );
    }
}

#[test]
fn lines_are_never_glued_together() {
    for input in ["a\nb", "a\rb", "a\u{2028}b", "ab\0c", "\u{feff}\u{feff}\n\na\nb"] {
        assert!(
            server_text(input.as_bytes())
                .unwrap_err()
                .contains("control character"),
            "{input:?}"
        );
    }
}

#[test]
fn utf16_is_named() {
    for input in [&b"\xff\xfeg\0h\0"[..], b"\xfe\xff\0g\0h", b"g\0h\0", b"\0g\0h"] {
        assert!(server_text(input).unwrap_err().contains("UTF-16"), "{input:?}");
        assert!(credential(input).unwrap_err().to_string().contains("UTF-16"));
    }
}

#[test]
fn invalid_utf8_is_refused() {
    for bytes in [&b"gh\xffcr.io"[..], b"\xc0\xaf", b"\xed\xa0\x80"] {
        assert!(server_text(bytes).unwrap_err().contains("not valid UTF-8"));
        let json = [br#"{"ServerURL":"a","Username":"u","Secret":""#, bytes, br#""}"#].concat();
        assert!(
            credential(&json)
                .unwrap_err()
                .to_string()
                .contains("not valid UTF-8")
        );
    }
}

#[test]
fn a_credential_is_read_as_go_writes_it() {
    let json = "{\"ServerURL\":\"ghcr.io\",\"Username\":\"\\u003ctoken\\u003e\",\"Secret\":\"\\u0026\\\"\\\\ \\u0000\\n\"}\n";
    assert_eq!(store(json), stored("ghcr.io", "<token>", "&\"\\ \0\n"));
}

#[test]
fn keys_match_without_regard_to_case_and_unknown_ones_are_ignored() {
    let json = r#" {"secret":"s","x":[{"y":null}],"USERNAME":"u","serverUrl":"a","ServerURLs":"b"} "#;
    assert_eq!(store(json), stored("a", "u", "s"));
}

#[test]
fn a_key_that_comes_twice_is_refused_in_any_spelling() {
    for twice in [
        r#""Secret":"a""#,
        r#""SECRET":"a""#,
        r#""\u0053ecret":"a""#,
        r#""ſecret":"a""#,
        r#""secret":"s""#,
        r#""x":1,"X":2"#,
        r#""ServerURL":"b""#,
        r#""username":"b""#,
    ] {
        let json = format!(r#"{{"ServerURL":"a","Username":"u","Secret":"s",{twice}}}"#);
        assert!(store(&json).unwrap_err().contains("same key twice"), "{json}");
    }
    assert!(store(r#"{"ServerURL":"a","Username":"u","Kkey":"","kkey":""}"#).is_err());
}

#[test]
fn the_server_is_missed_before_the_user_and_both_before_the_grammar() {
    for json in [
        "{}",
        r#"{"ServerURL":"","Username":""}"#,
        r#"{"Username":"u","Secret":"s"}"#,
    ] {
        assert_eq!(store(json), Err("no credentials server URL".into()), "{json}");
    }
    for json in [
        r#"{"ServerURL":"a b"}"#,
        r#"{"ServerURL":"a","Username":"","Secret":"s"}"#,
    ] {
        assert_eq!(store(json), Err("no credentials username".into()), "{json}");
    }
}

#[test]
fn an_empty_or_missing_secret_is_empty() {
    assert_eq!(
        store(r#"{"ServerURL":"a","Username":"u","Secret":""}"#),
        stored("a", "u", "")
    );
    assert_eq!(store(r#"{"ServerURL":"a","Username":"u"}"#), stored("a", "u", ""));
}

#[test]
fn white_space_around_a_stored_server_is_refused() {
    for server in [" a", "a ", "a\\n", "\\ta"] {
        assert!(
            store(&format!(
                r#"{{"ServerURL":"{server}","Username":"u","Secret":"s"}}"#
            ))
            .is_err(),
            "{server}"
        );
    }
}

#[test]
fn nul_is_refused_in_server_and_user_and_kept_in_the_secret() {
    assert!(store(r#"{"ServerURL":"a\u0000","Username":"u","Secret":"s"}"#).is_err());
    assert!(
        store(r#"{"ServerURL":"a","Username":"u\u0000","Secret":"s"}"#)
            .unwrap_err()
            .contains("NUL")
    );
    assert_eq!(
        store(r#"{"ServerURL":"a","Username":"u","Secret":"\u0000"}"#),
        stored("a", "u", "\0")
    );
}

#[test]
fn what_is_not_one_object_of_strings_is_refused_without_quoting_it() {
    for (json, problem) in [
        ("", "ends too early"),
        (
            r#"{"ServerURL":"a","Username":"u","Secret":"hunter2"#,
            "ends too early",
        ),
        (
            r#"{"ServerURL":"a","Username":"u","Secret":"hunter2"}{}"#,
            "not valid JSON",
        ),
        (
            r#"{"ServerURL":"a","Username":"u","Secret":"hunter2"} x"#,
            "not valid JSON",
        ),
        (
            r#"{"ServerURL":"a","Username":"u","Secret":"hunter2 \ud800"}"#,
            "not valid JSON",
        ),
        (
            r#"{"ServerURL":"a",/**/"Username":"u","Secret":"hunter2"}"#,
            "not valid JSON",
        ),
        (
            r#"{"ServerURL":"a","Username":"hunter2","Secret":17}"#,
            "not one object of strings",
        ),
        (
            r#"{"ServerURL":"a","Username":["hunter2"],"Secret":"s"}"#,
            "not one object of strings",
        ),
        (
            r#"{"ServerURL":"a","Username":"u","Secret":null}"#,
            "not one object of strings",
        ),
        (r#"["hunter2"]"#, "not one object of strings"),
        (r#""hunter2""#, "not one object of strings"),
        ("hunter2", "not valid JSON"),
    ] {
        let error = store(json).unwrap_err();
        assert!(error.contains(problem), "{json}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn the_hub_arrives_under_its_url() {
    assert_eq!(
        store(r#"{"ServerURL":"docker.io","Username":"u"}"#),
        stored("https://index.docker.io/v1/", "u", "")
    );
}
