//! Errors about variables, which never show a value.

use std::fmt;

use docker_credential_helper::Error;

/// Why variables don't give a login: their names and the problem. Never a value, which may be a secret in the
/// wrong variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariableError {
    variables: Vec<String>,
    problem: String,
    /// The variables are valid, but a file that they name doesn't exist (yet).
    is_absence: bool,
}

impl VariableError {
    /// `problem` continues the sentence after the names.
    pub(crate) fn new<S: Into<String>>(
        variables: impl IntoIterator<Item = S>,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            variables: variables.into_iter().map(Into::into).collect(),
            problem: problem.into(),
            is_absence: false,
        }
    }

    /// A missing file.
    pub(crate) fn absence(variable: &str, problem: impl Into<String>) -> Self {
        Self {
            is_absence: true,
            ..Self::new([variable], problem)
        }
    }
}

impl fmt::Display for VariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", enumeration(&self.variables), self.problem)
    }
}

impl From<VariableError> for Error {
    fn from(error: VariableError) -> Self {
        if error.is_absence {
            return Self::Unavailable(error.to_string().into());
        }
        Self::setting(enumeration(&error.variables), error.problem)
    }
}

/// `A`, `A and B`, `A, B and C`.
pub(crate) fn enumeration<S: AsRef<str>>(names: &[S]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == names.len() => " and ",
            _ => ", ",
        };
        text.push_str(separator);
        text.push_str(name.as_ref());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_in_a_sentence() {
        assert_eq!(enumeration(&["A"]), "A");
        assert_eq!(enumeration(&["A", "B"]), "A and B");
        assert_eq!(enumeration(&["A", "B", "C"]), "A, B and C");
    }

    #[test]
    fn only_a_missing_file_is_unavailable() {
        let wrong = Error::from(VariableError::new(["A"], "is wrong; fix it"));
        assert!(matches!(wrong, Error::Setting { .. }));
        assert_eq!(wrong.to_string(), "A is wrong; fix it");
        let absent = Error::from(VariableError::absence("A", "names no file"));
        assert!(matches!(absent, Error::Unavailable(_)));
        assert_eq!(absent.to_string(), "A names no file");
    }
}
