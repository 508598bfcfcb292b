//! Secrets in files, as Kubernetes, docker and systemd mount them.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::variable_error::VariableError;
use docker_credential_helper::directory::read_file;
use docker_credential_helper::{Environment, Error, Secret};

/// Ten times the longest known token.
const SIZE_MAX: u64 = 64 * 1024;

/// systemd's own variable: the directory of `LoadCredential=`.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// The directory in which docker, podman and compose mount secrets.
const RUN_SECRETS: &str = "/run/secrets";

/// The secret in the file that the variable names.
pub(crate) fn read(environment: &Environment, variable: &str) -> Result<Secret, VariableError> {
    let path = environment.variable(variable).map(PathBuf::from);
    let path = path.unwrap_or_default();
    if path.as_os_str().is_empty() {
        return Err(VariableError::new(
            [variable],
            "is set but empty; give it a value or unset it",
        ));
    }
    let content = find(&path, &directories(environment), variable)?;
    let text =
        String::from_utf8(content).map_err(|_| unusable(variable, "is not valid UTF-8; write it as text"))?;
    let secret = without_line_end(&text);
    if secret.is_empty() {
        return Err(unusable(variable, "is empty; write the secret into it"));
    }
    Ok(Secret::new(secret.to_owned()))
}

fn directories(environment: &Environment) -> Vec<PathBuf> {
    let systemd = environment.variable(CREDENTIALS_DIRECTORY).map(PathBuf::from);
    let systemd = systemd.filter(|directory| directory.is_absolute());
    systemd.into_iter().chain([RUN_SECRETS.into()]).collect()
}

/// The content of the file: at an absolute path, or in the first of the directories that has it.
fn find(path: &Path, directories: &[PathBuf], variable: &str) -> Result<Vec<u8>, VariableError> {
    if path.is_absolute() {
        return read_file(path, SIZE_MAX).map_err(|error| unreadable(variable, &error));
    }
    let is_below = path
        .components()
        .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    if !is_below {
        return Err(VariableError::new(
            [variable],
            "is a relative path with \"..\"; use an absolute path",
        ));
    }
    for directory in directories {
        match read_file(&directory.join(path), SIZE_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result.map_err(|error| unreadable(variable, &error)),
        }
    }
    Err(VariableError::absence(
        variable,
        format!(
            "names a file that is neither in ${CREDENTIALS_DIRECTORY} nor in {RUN_SECRETS}; mount it there, \
            or use an absolute path"
        ),
    ))
}

/// Removes one newline, as `docker login --password-stdin` does: `echo` and editors write it.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Only a missing file counts as absent. One that exists but is unusable is a mistake that somebody must fix.
fn unreadable(variable: &str, error: &io::Error) -> VariableError {
    let text = Error::system_text(error);
    let problem = format!("names a file that cannot be read: {text}; mount the secret there");
    match error.kind() {
        io::ErrorKind::NotFound => VariableError::absence(variable, problem),
        _ => VariableError::new([variable], problem),
    }
}

fn unusable(variable: &str, problem: &str) -> VariableError {
    VariableError::new([variable], format!("names a file that {problem}"))
}

#[cfg(test)]
mod tests;
