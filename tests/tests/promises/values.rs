//! Values come back byte for byte.

use docker_credential_tests::sandbox::Sandbox;
use serde_json::json;

use crate::broken::Subject;
use crate::scale::{report, scale, share};

/// Any Unicode, with a preference for characters that formats and shells treat specially.
fn text(random: &mut fastrand::Rng, longest: usize, is_secret: bool) -> String {
    const ODD: &str = "\"\\/<>&'`$%:;,{}[]() \t\n\r\u{1}\u{7f}\u{85}\u{a0}\u{ad}\u{301}\u{200b}\u{2028}\u{feff}\u{fffd}\u{10ffff}";
    let odd: Vec<char> = ODD.chars().collect();
    let length = match random.u8(..8) {
        0 => 0,
        1 => longest,
        2..5 => random.usize(..40),
        _ => random.usize(..longest),
    };
    let mut text = String::with_capacity(length);
    let kind = random.u8(..4);
    while text.len() < length {
        let c = match kind {
            0 => random.alphanumeric(),
            1 => random.char(..),
            2 => odd[random.usize(..odd.len())],
            _ if random.bool() => random.char(' '..='~'),
            _ => odd[random.usize(..odd.len())],
        };
        if c != '\0' {
            text.push(c);
        }
    }
    if is_secret && random.u8(..10) == 0 {
        text.insert(0, '\0');
    }
    text
}

/// Stores and gets; returns whether the answer equals the stored value.
fn comes_back(place: &Sandbox, random: &mut fastrand::Rng, use_go: bool) -> Result<(), String> {
    let secret = text(random, 65_536, true);
    let username = loop {
        let username = text(random, 200, false);
        if !username.is_empty() {
            break username;
        }
    };
    let credential = json!({ "ServerURL": "ghcr.io", "Username": username, "Secret": secret });
    let mut request = credential.to_string();
    if use_go {
        // As docker writes it. None of these occurs in the JSON's own structure.
        for (plain, escaped) in [
            ('<', "\\u003c"),
            ('>', "\\u003e"),
            ('&', "\\u0026"),
            ('\u{2028}', "\\u2028"),
        ] {
            request = request.replace(plain, escaped);
        }
        request.push('\n');
    }
    let stored = place.verb("store", &request);
    if stored.code != Some(0) || !stored.stdout.is_empty() {
        return Err(format!("not stored: {}", stored.text()));
    }
    let answer = place.verb("get", "ghcr.io");
    if answer.code != Some(0)
        || serde_json::from_slice::<serde_json::Value>(&answer.stdout)
            .ok()
            .as_ref()
            != Some(&credential)
    {
        return Err(format!("{credential} comes back as {}", answer.text()));
    }
    Ok(())
}

#[test]
fn every_value_comes_back_byte_for_byte() {
    let values = scale(600, 1_000_000);
    let differences: Vec<String> = share(values, |values| {
        let place = Subject::Sound.place();
        let mut random = fastrand::Rng::new();
        (0..values)
            .filter_map(|number| comes_back(&place, &mut random, number % 2 == 0).err())
            .collect::<Vec<_>>()
    })
    .concat();
    report(
        "8 values",
        &format!("{values}: {} differences", differences.len()),
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn control_a_helper_that_trims_values_is_caught() {
    let place = Subject::Broken("trims-values").place();
    let mut random = fastrand::Rng::new();
    assert!((0..100).any(|_| comes_back(&place, &mut random, true).is_err()));
}
