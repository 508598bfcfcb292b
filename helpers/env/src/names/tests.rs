use super::*;
use crate::testing::{environment, url};

#[test]
fn the_variables_of_a_host_are_told_with_their_state_and_without_their_values() {
    let environment = environment(&[
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "me"),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_TOKEN", "ghs_x"),
    ]);
    assert_eq!(
        answer(&environment, &url("ghcr.io")),
        "\
set the user name and one of the others:
  DOCKER_CREDENTIAL_GHCR_IO_USERNAME       set
  DOCKER_CREDENTIAL_GHCR_IO_PASSWORD       set
  DOCKER_CREDENTIAL_GHCR_IO_PASSWORD_FILE  not set
  DOCKER_CREDENTIAL_GHCR_IO_TOKEN          not set
  DOCKER_CREDENTIAL_GHCR_IO_TOKEN_FILE     not set
or, with a label of your choice (A-Z and 0-9):
  DOCKER_CREDENTIAL_<LABEL>_SERVER=ghcr.io
  DOCKER_CREDENTIAL_<LABEL>_USERNAME, _PASSWORD (and so on)
what is set now:
  own: DOCKER_CREDENTIAL_GHCR_IO_USERNAME, DOCKER_CREDENTIAL_GHCR_IO_PASSWORD answers
  github: GITHUB_TOKEN would also answer, but an earlier source decides
"
    );
}

#[test]
fn a_server_that_no_label_names_is_set_by_its_own() {
    assert_eq!(
        answer(&environment(&[]), &url("registry.example.com/team")),
        "\
set, with a label of your choice (A-Z and 0-9):
  DOCKER_CREDENTIAL_<LABEL>_SERVER=registry.example.com/team
  DOCKER_CREDENTIAL_<LABEL>_USERNAME, _PASSWORD (and so on)
what is set now:
  nothing for this server
"
    );
}

#[test]
fn what_is_wrong_is_told() {
    let environment = environment(&[
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2"),
        ("DOCKER_CREDENTIAL_PROD_SERVER", ""),
    ]);
    let text = answer(&environment, &url("ghcr.io"));
    let (_, now) = text.split_once("what is set now:\n").unwrap();
    assert_eq!(
        now,
        "  own: DOCKER_CREDENTIAL_GHCR_IO_PASSWORD is set without DOCKER_CREDENTIAL_GHCR_IO_USERNAME; set both or neither\
         \n  own: DOCKER_CREDENTIAL_PROD_SERVER is set but empty; give it a value or unset it\n"
    );
}
