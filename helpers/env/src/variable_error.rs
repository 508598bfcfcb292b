//! Errors about variables, in words that never show a value.

use std::fmt;

use docker_credential_helper::Error;

/// Why variables give no login: their names, and what is wrong with them. Never a value, which may be the secret, set in
/// the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariableError {
    variables: Vec<String>,
    problem: String,
    /// Nothing is wrong with the variables, but something they name is not there (yet).
    is_absence: bool,
}

impl VariableError {
    /// `problem` goes on where the names end.
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

    /// A file that is not there.
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
