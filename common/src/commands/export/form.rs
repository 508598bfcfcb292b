//! The output formats.

use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::commands::session::Session;
use crate::config::{encode_auth, lookup};
use crate::{Credential, Error, ServerUrl, TOKEN_USERNAME};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    DockerConfigJson,
    AuthConfig,
    AuthJson,
    Netrc,
    Header,
}

impl Format {
    pub(super) const ALL: [(&'static str, Self, &'static str); 5] = [
        (
            "dockerconfigjson",
            Self::DockerConfigJson,
            "A config.json, as Kubernetes has it in a secret",
        ),
        (
            "auth-config",
            Self::AuthConfig,
            "One line for DOCKER_AUTH_CONFIG, as docker and GitLab read it",
        ),
        ("auth.json", Self::AuthJson, "podman's file"),
        (
            "netrc",
            Self::Netrc,
            "For curl --netrc-file and other programs that read ~/.netrc",
        ),
        ("header", Self::Header, "The HTTP header line for one server"),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, ..)| *known == name);
        found.map(|(_, format, _)| *format)
    }
}

/// All logins in this format. Reports and omits logins that it can't express.
pub(super) fn render(
    session: &Session<'_>,
    format: Format,
    logins: &[Credential],
) -> Result<Zeroizing<String>, Error> {
    let mut text = Zeroizing::new(String::new());
    match format {
        Format::DockerConfigJson | Format::AuthConfig | Format::AuthJson => {
            let mut auths = Map::new();
            for login in logins {
                match entry(format, login) {
                    Ok((server, entry)) => {
                        auths.insert(server, entry);
                    }
                    // Print the other logins even if this format can't express one.
                    Err(error) => session.console.note(&format!("left out: {error}")),
                }
            }
            if auths.is_empty() && !logins.is_empty() {
                return Err(Error::unsupported("no login can be written in this format"));
            }
            let whole = json!({ "auths": auths });
            *text = if format == Format::AuthConfig {
                whole.to_string()
            } else {
                pretty(&whole)
            };
            text.push('\n');
        }
        Format::Netrc => {
            for login in logins {
                match netrc_line(login) {
                    Ok(line) => text.push_str(&line),
                    Err(error) => session.console.note(&format!("left out: {error}")),
                }
            }
            if text.is_empty() && !logins.is_empty() {
                return Err(Error::unsupported("no login can be written in this format"));
            }
        }
        Format::Header => {
            for login in logins {
                refuse_token(login, "a header")?;
                text.push_str("Authorization: Basic ");
                text.push_str(basic(login)?.expose());
                text.push('\n');
            }
        }
    }
    Ok(text)
}

/// With tabs, as docker writes its files.
fn pretty(value: &Value) -> String {
    let mut bytes = Vec::new();
    let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, tabs);
    // Writing a `Value` to memory cannot fail.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

/// The key that the reading program looks up, and the value there.
fn entry(format: Format, login: &Credential) -> Result<(String, Value), Error> {
    let server = login.server();
    let is_token = login.username().as_str() == TOKEN_USERNAME;
    let key = match format {
        Format::AuthJson if server.key().is_hub() => lookup::podman_key(server),
        Format::AuthJson => server.key().to_string(),
        _ if server
            .key()
            .https_parts()
            .is_some_and(|(.., path)| path.is_empty()) =>
        {
            lookup::docker_key(server)
        }
        _ => server.as_str().to_owned(),
    };
    let entry = match format {
        Format::AuthJson if is_token => json!({ "identitytoken": login.secret().expose() }),
        Format::AuthJson => json!({ "auth": basic(login)?.expose() }),
        _ => {
            refuse_token(login, "this form")?;
            json!({ "auth": basic(login)?.expose() })
        }
    };
    Ok((key, entry))
}

fn basic(login: &Credential) -> Result<crate::Secret, Error> {
    let username = login.username().as_str();
    if username.contains(':') {
        return Err(Error::unsupported(format!(
            "the user name of {} has a colon, which would end it in this format",
            login.server()
        )));
    }
    Ok(encode_auth(username, login.secret()))
}

fn refuse_token(login: &Credential, form: &str) -> Result<(), Error> {
    if login.username().as_str() == TOKEN_USERNAME {
        return Err(Error::unsupported(format!(
            "{} has an identity token, which {form} doesn't support; log in with a password there",
            login.server()
        )));
    }
    Ok(())
}

/// `machine HOST login USER password SECRET`. The format doesn't have ports: a password for one would be sent
/// to all.
fn netrc_line(login: &Credential) -> Result<Zeroizing<String>, Error> {
    let server = login.server();
    refuse_token(login, "a netrc file")?;
    let Some((host, None, "")) = server.key().https_parts() else {
        return Err(Error::unsupported(format!(
            "a netrc file only supports hosts, so it can't hold {server}"
        )));
    };
    let username = netrc_word(server, login.username().as_str())?;
    let password = netrc_word(server, login.secret().expose())?;
    Ok(Zeroizing::new(format!(
        "machine {host} login {} password {}\n",
        *username, *password
    )))
}

/// Quoted only if necessary, because not every reader of these files supports quotes.
fn netrc_word(server: &ServerUrl, text: &str) -> Result<Zeroizing<String>, Error> {
    let is_plain = !text.is_empty()
        && text
            .chars()
            .all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '\\' | '#'));
    if is_plain {
        return Ok(Zeroizing::new(text.to_owned()));
    }
    let mut quoted = Zeroizing::new(String::from("\""));
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                return Err(Error::unsupported(format!(
                    "the login of {server} has a control character, which a netrc file cannot hold"
                )));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::{Secret, Username};

    fn login(server: &str, username: &str, secret: &str) -> Credential {
        Credential::new(
            ServerUrl::parse(server).unwrap(),
            Username::parse(username.into()).unwrap(),
            Secret::new(secret.into()),
        )
    }

    #[test]
    fn a_netrc_line_quotes_what_would_end_a_word() {
        for (secret, shown) in [
            ("plain", "plain"),
            ("", r#""""#),
            ("two words", r#""two words""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("a\nb", r#""a\nb""#),
            ("#a", r##""#a""##),
        ] {
            assert_eq!(
                netrc_line(&login("ghcr.io", "alice", secret)).unwrap().as_str(),
                format!("machine ghcr.io login alice password {shown}\n")
            );
        }
    }

    #[test]
    fn a_netrc_file_has_no_ports_paths_or_tokens() {
        for login in [
            login("localhost:5000", "alice", "x"),
            login("quay.io/org", "alice", "x"),
            login("http://a.example", "alice", "x"),
            login("ghcr.io", "<token>", "x"),
            login("ghcr.io", "alice", "\0"),
        ] {
            assert!(netrc_line(&login).is_err(), "{}", login.server());
        }
    }

    #[test]
    fn a_user_name_with_a_colon_is_not_joined_to_its_password() {
        assert!(basic(&login("ghcr.io", "a:b", "c")).is_err());
        assert_eq!(
            basic(&login("ghcr.io", "a", "b:c")).unwrap().expose(),
            STANDARD.encode("a:b:c")
        );
    }

    #[test]
    fn each_program_finds_the_hub_by_the_key_it_knows() {
        let hub = login("https://index.docker.io/v1/", "alice", "x");
        for (format, key) in [
            (Format::DockerConfigJson, "https://index.docker.io/v1/"),
            (Format::AuthConfig, "https://index.docker.io/v1/"),
            (Format::AuthJson, "docker.io"),
        ] {
            assert_eq!(entry(format, &hub).unwrap().0, key);
        }
    }

    #[test]
    fn an_identity_token_goes_into_podman_s_file_only() {
        let token = login("a.example", "<token>", "t");
        assert_eq!(
            entry(Format::AuthJson, &token).unwrap().1,
            json!({ "identitytoken": "t" })
        );
        assert!(entry(Format::DockerConfigJson, &token).is_err());
        assert!(entry(Format::AuthConfig, &token).is_err());
    }
}
