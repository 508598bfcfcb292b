use std::fs;

use tempfile::TempDir;

use super::*;

const NAME: &str = "DOCKER_CREDENTIAL_PROD_PASSWORD_FILE";

fn file(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("secret");
    fs::write(&path, content).unwrap();
    (directory, path)
}

fn answer(path: &Path) -> Result<String, String> {
    let environment = Environment::stated("docker-credential-env", [(NAME, path)]);
    match read(&environment, NAME) {
        Ok(secret) => Ok(secret.expose().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn content(content: impl AsRef<[u8]>) -> Result<String, String> {
    let (_directory, path) = file(content);
    answer(&path)
}

#[test]
fn one_line_end_is_taken_off() {
    assert_eq!(content("s3cret").unwrap(), "s3cret");
    assert_eq!(content("s3cret\n").unwrap(), "s3cret");
    assert_eq!(content("s3cret\r\n").unwrap(), "s3cret");
    assert_eq!(content(" s3cret \n\n").unwrap(), " s3cret \n");
}

#[test]
fn an_empty_file_is_an_error() {
    let text = "DOCKER_CREDENTIAL_PROD_PASSWORD_FILE names a file that is empty; write the secret into it";
    assert_eq!(content("").unwrap_err(), text);
    assert_eq!(content("\n").unwrap_err(), text);
}

#[test]
fn at_most_64_kib_are_read() {
    let size = 64 * 1024;
    assert_eq!(content("x".repeat(size)).unwrap().len(), size);
    assert_eq!(
        content("x".repeat(size + 1)).unwrap_err(),
        "DOCKER_CREDENTIAL_PROD_PASSWORD_FILE names a file that cannot be read: it is larger than 65536 bytes; \
         mount the secret there"
    );
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    assert_eq!(
        content(b"\xFFs3cret").unwrap_err(),
        "DOCKER_CREDENTIAL_PROD_PASSWORD_FILE names a file that is not valid UTF-8; write it as text"
    );
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_does_not_quote_the_path() {
    let (directory, _) = file("");
    let path = directory.path().join("hunter2");
    let system = if cfg!(unix) {
        "No such file or directory".to_owned()
    } else {
        Error::system_text(&fs::File::open(&path).unwrap_err())
    };
    assert_eq!(
        answer(&path).unwrap_err(),
        format!(
            "DOCKER_CREDENTIAL_PROD_PASSWORD_FILE names a file that cannot be read: {system}; mount the secret there"
        )
    );
}

#[test]
fn a_directory_is_an_error() {
    let (directory, _) = file("");
    assert!(
        answer(directory.path())
            .unwrap_err()
            .contains("it is not a regular file")
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_is_an_error_and_is_not_waited_for() {
    let (directory, _) = file("");
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    assert!(answer(&pipe).unwrap_err().contains("it is not a regular file"));
}

/// `DOCKER_CREDENTIAL_WHEN_UNAVAILABLE=not-found` ignores missing files.
#[test]
fn a_file_is_absent_if_it_is_not_there_and_not_if_it_cannot_be_used() {
    let (large, path) = file("x".repeat(64 * 1024 + 1));
    let is_absent = |path: &Path| {
        let environment = Environment::stated("docker-credential-env", [(NAME, path)]);
        matches!(
            read(&environment, NAME).unwrap_err().into(),
            Error::Unavailable(_)
        )
    };
    assert!(is_absent(&large.path().join("missing")));
    assert!(!is_absent(&path), "too large");
    assert!(!is_absent(large.path()), "a directory");
}

/// Kubernetes mounts each key of a secret as a link into a directory that it swaps.
#[cfg(unix)]
#[test]
fn a_link_is_followed() {
    let (directory, path) = file("s3cret\n");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(path, &link).unwrap();
    assert_eq!(answer(&link).unwrap(), "s3cret");
}

#[test]
fn an_empty_variable_is_an_error() {
    assert_eq!(
        answer(Path::new("")).unwrap_err(),
        "DOCKER_CREDENTIAL_PROD_PASSWORD_FILE is set but empty; give it a value or unset it"
    );
}

#[test]
fn a_relative_path_is_looked_up_in_systemds_directory() {
    let (directory, _) = file("from systemd");
    let path = directory.path().to_str().unwrap();
    let environment = Environment::stated(
        "docker-credential-env",
        [(NAME, "secret"), ("CREDENTIALS_DIRECTORY", path)],
    );
    assert_eq!(read(&environment, NAME).unwrap().expose(), "from systemd");
}

#[cfg(unix)]
#[test]
fn systemds_directory_goes_before_run_secrets() {
    let directories = |variables: &[(&str, &str)]| {
        directories(&Environment::stated(
            "docker-credential-env",
            variables.iter().copied(),
        ))
    };
    assert_eq!(directories(&[]), [PathBuf::from("/run/secrets")]);
    assert_eq!(
        directories(&[("CREDENTIALS_DIRECTORY", "/run/credentials/a.service")]),
        [
            PathBuf::from("/run/credentials/a.service"),
            PathBuf::from("/run/secrets")
        ]
    );
    // Without a base directory.
    assert_eq!(
        directories(&[("CREDENTIALS_DIRECTORY", "credentials")]),
        [PathBuf::from("/run/secrets")]
    );
}

#[test]
fn the_first_directory_that_has_the_file_decides() {
    let (first, _) = file("first");
    let (second, _) = file("second");
    let empty = TempDir::new().unwrap();
    let found = |directories: &[&TempDir]| {
        let directories: Vec<_> = directories
            .iter()
            .map(|directory| directory.path().to_owned())
            .collect();
        find(Path::new("secret"), &directories, NAME)
    };
    assert_eq!(found(&[&first, &second]).unwrap(), b"first");
    assert_eq!(found(&[&empty, &second]).unwrap(), b"second");
    assert_eq!(
        found(&[&empty]).unwrap_err().to_string(),
        "DOCKER_CREDENTIAL_PROD_PASSWORD_FILE names a file that is neither in $CREDENTIALS_DIRECTORY nor in \
         /run/secrets; mount it there, or use an absolute path"
    );
}

#[test]
fn a_path_does_not_lead_out_of_the_directories() {
    let (directory, _) = file("s3cret");
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    for path in ["../secret", "a/../../secret", ".."] {
        let error = find(Path::new(path), std::slice::from_ref(&inner), NAME).unwrap_err();
        assert!(
            error.to_string().contains("relative path with \"..\""),
            "{path}: {error}"
        );
    }
}
