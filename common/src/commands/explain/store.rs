//! The logins in this helper's own store.

use super::{Asked, Mark, Section, Step};
use crate::commands::session::Session;
use crate::config::lookup;
use crate::server::split_port;
use crate::{CredentialStore, Error, ServerUrl, TOKEN_USERNAME, matching, show};

pub(super) fn section(session: &mut Session<'_>, asked: &Asked) -> Section {
    let program = session.helper.program();
    let key = lookup::docker_key(&asked.server);
    let mut section = Section::new(format!("{program} holds"), &key);
    let store = match session.open_store() {
        Ok(store) => store,
        Err(error) => {
            section.broken("store", error.to_string());
            return section;
        }
    };
    // crane, ko and cosign ask for the repository first.
    let image = asked.image.contains('/').then_some(asked.image.as_str());
    for name in [Some(key.as_str()), image].into_iter().flatten() {
        if let Ok(query) = ServerUrl::parse(name) {
            answer(session, &*store, &query, &mut section);
        }
    }
    section
}

fn answer(session: &Session<'_>, store: &dyn CredentialStore, query: &ServerUrl, section: &mut Section) {
    let name = format!("for {query}");
    let (result, text) = match matching::find(store, query) {
        Ok(login) => {
            let username = show::name(login.username().as_str());
            let what = if login.username().as_str() == TOKEN_USERNAME {
                "an identity token".to_owned()
            } else {
                format!("the login of {username}")
            };
            if section.decides.is_none() {
                section.decides = Some(name.clone());
                section.user = Some(username);
            }
            (Mark::Decides, format!("{what}, stored for {}", login.server()))
        }
        Err(Error::NotFound) => (Mark::Ignored, format!("nothing{}", neighbours(store, query))),
        Err(error) => (Mark::Broken, error.to_string()),
    };
    section.steps.push(Step {
        result,
        name,
        text,
        details: session.helper.explain(session.environment, query),
    });
}

/// Logins for the same host under another key, which therefore don't answer.
fn neighbours(store: &dyn CredentialStore, query: &ServerUrl) -> String {
    let host = |server: &str| {
        let host = lookup::hostname(server).to_ascii_lowercase();
        split_port(&host).map_or(host.clone(), |(host, _)| host.to_owned())
    };
    let wanted = host(query.as_str());
    let others: Vec<String> = store
        .list()
        .unwrap_or_default()
        .into_iter()
        .filter(|item| host(item.server.as_str()) == wanted)
        .map(|item| item.server.to_string())
        .collect();
    if others.is_empty() {
        String::new()
    } else {
        format!(
            "; {} is another server (port, scheme and path count)",
            others.join(", ")
        )
    }
}
