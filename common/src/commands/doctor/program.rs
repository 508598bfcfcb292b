//! Whether docker finds this program, and not another with its name.

use crate::commands::Finding;
use crate::commands::session::Session;
use crate::config::programs;
use crate::show::{self, ShellCommand};

const CHECK: &str = "program";

pub(super) fn findings(session: &Session<'_>) -> Vec<Finding> {
    vec![finding(session)]
}

fn finding(session: &Session<'_>) -> Finding {
    let environment = session.environment;
    let program = session.helper.program();
    let own = std::env::current_exe().and_then(std::fs::canonicalize);
    let first_in_path = |finding: Finding| match own.as_ref().ok().and_then(|own| own.parent()) {
        Some(directory) => finding.fixed_by(ShellCommand::path_first(directory)),
        None => finding,
    };
    let first = programs::first_on_path(environment, &program);
    if let Some(advice) = programs::path_advice(environment, &program)
        && first.is_none()
    {
        let profile = advice.profile;
        return Finding::error(CHECK, advice.problem)
            .fixed_by(ShellCommand::new(&advice.line))
            .advice(format!("add that line to {profile} so that it lasts"));
    }
    let Some(first) = first else {
        return Finding::error(
            CHECK,
            format!("{program} is not on PATH, so docker doesn't find it"),
        );
    };
    let shown = show::path(environment, &first);
    let is_own = match (&own, std::fs::canonicalize(&first)) {
        (Ok(own), Ok(first)) => *own == first,
        // If the program itself is hidden, we don't know.
        _ => true,
    };
    if first.is_relative() {
        let text = format!("docker finds {shown} in a relative directory of PATH, and so doesn't run it");
        return first_in_path(
            Finding::error(CHECK, text).advice("remove the directories from PATH that don't begin with /"),
        );
    }
    if !is_own {
        let text = format!("docker finds {shown} first on PATH, which is not this program");
        return first_in_path(Finding::warning(CHECK, text).advice("remove the one that you don't want"));
    }
    match first
        .parent()
        .filter(|directory| programs::is_world_writable(directory))
    {
        Some(directory) => {
            let text = format!("docker finds {shown}, which every user can replace");
            Finding::warning(CHECK, text)
                .safely_fixed_by(ShellCommand::new("chmod o-w").path(environment, directory))
        }
        None => Finding::ok(CHECK, format!("docker finds {shown}")),
    }
}

/// Whether docker can run it at all; otherwise, naming it in a file would break docker.
pub(super) fn is_found(session: &Session<'_>) -> bool {
    programs::first_on_path(session.environment, &session.helper.program())
        .is_some_and(|path| path.is_absolute())
}
