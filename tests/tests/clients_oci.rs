//! Other clients with Debian's registry: skopeo, buildah and podman, which only support `credHelpers`, and
//! crane, oras and cosign, which read docker's configuration.

#![cfg(target_os = "linux")]

use std::path::PathBuf;

use docker_credential_tests::helper::Helper;
use docker_credential_tests::login::{Login, alice};
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::registries::basic::{REPOSITORY, Registry};
use docker_credential_tests::registries::image::Image;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{for_each_helper, for_env_too, matrix_is_true, require};
use serde_json::{Value, json};

/// A client, and its arguments for the common actions.
struct Client {
    program: &'static str,
    /// Whether it reads containers' auth.json instead of docker's config.json.
    auth_file: bool,
    /// Whether `login` accepts a password with several lines.
    several_lines: bool,
    login: &'static [&'static str],
    read: &'static [&'static str],
    /// The prefix of the image in the last argument of `read`.
    transport: &'static str,
    logout: &'static [&'static str],
}

const SKOPEO: Client = Client {
    program: "skopeo",
    auth_file: true,
    several_lines: false,
    login: &["login"],
    read: &["inspect"],
    transport: "docker://",
    logout: &["logout"],
};

const BUILDAH: Client = Client {
    program: "buildah",
    read: &[
        "--root",
        "images",
        "--runroot",
        "run/images",
        "--storage-driver",
        "vfs",
        "pull",
    ],
    transport: "",
    ..SKOPEO
};

const PODMAN: Client = Client {
    program: "podman",
    ..BUILDAH
};

const CRANE: Client = Client {
    program: "crane",
    auth_file: false,
    several_lines: true,
    login: &["auth", "login"],
    read: &["manifest"],
    transport: "",
    logout: &["auth", "logout"],
};

const ORAS: Client = Client {
    program: "oras",
    auth_file: false,
    several_lines: true,
    login: &["login"],
    read: &["manifest", "fetch"],
    transport: "",
    logout: &["logout"],
};

impl Client {
    /// Configures the helper for this server in the client.
    fn configure(&self, sandbox: &mut Sandbox, host: &str) {
        let helper = sandbox.helper().name;
        if self.auth_file {
            let file = sandbox.path("auth.json");
            std::fs::write(&file, json!({ "credHelpers": { host: helper } }).to_string())
                .expect("an auth file");
            sandbox.set("REGISTRY_AUTH_FILE", file);
        } else {
            sandbox.write_config(&json!({ "credsStore": helper }));
        }
    }

    fn auths(&self, sandbox: &Sandbox) -> Value {
        if !self.auth_file {
            return sandbox.config()["auths"].clone();
        }
        let bytes = std::fs::read(sandbox.path("auth.json")).expect("the auth file can be read");
        serde_json::from_slice::<Value>(&bytes).expect("the auth file is JSON")["auths"].clone()
    }

    fn login(&self, sandbox: &Sandbox, host: &str, login: &Login) -> Outcome {
        let user = ["-u", &login.username, "--password-stdin", host];
        sandbox
            .run(self.program)
            .args(self.login)
            .args(user)
            .stdin(login.secret.as_str())
            .outcome()
    }

    fn read(&self, sandbox: &Sandbox, image: &str) -> Outcome {
        sandbox
            .run(self.program)
            .args(self.read)
            .arg(format!("{}{image}", self.transport))
            .outcome()
    }

    fn logout(&self, sandbox: &Sandbox, host: &str) -> Outcome {
        sandbox.run(self.program).args(self.logout).arg(host).outcome()
    }
}

macro_rules! for_each_client {
    ($($module:ident $client:ident),+ $(,)?) => {
        $(mod $module {
            use docker_credential_tests::helper::Helper;
            use docker_credential_tests::{for_each_helper, for_env_too};

            fn login_keeps_the_secret_out_of_every_file(helper: Helper) {
                super::login_keeps_the_secret_out_of_every_file(&super::$client, helper);
            }
            fn every_secret_reads_a_private_image(helper: Helper) {
                super::every_secret_reads_a_private_image(&super::$client, helper);
            }
            fn nothing_stored_is_not_an_error(helper: Helper) {
                super::nothing_stored_is_not_an_error(&super::$client, helper);
            }
            fn logout_removes_the_login(helper: Helper) {
                super::logout_removes_the_login(&super::$client, helper);
            }

            for_each_helper!(
                login_keeps_the_secret_out_of_every_file,
                every_secret_reads_a_private_image,
                nothing_stored_is_not_an_error,
                logout_removes_the_login,
            );
            for_env_too!(every_secret_reads_a_private_image, nothing_stored_is_not_an_error);
        })+
    };
}

/// The clients that read containers' auth.json get a helper for all registries from registries.conf.d.
macro_rules! for_each_client_of_containers {
    ($($module:ident $client:ident),+ $(,)?) => {
        mod by_one_setting {
            $(pub(crate) mod $module {
                use docker_credential_tests::for_each_helper;
                use docker_credential_tests::helper::Helper;

                fn a_registry_named_nowhere_is_used(helper: Helper) {
                    crate::a_registry_named_nowhere_is_used(&crate::$client, helper);
                }

                for_each_helper!(a_registry_named_nowhere_is_used);
            })+
        }
    };
}

for_each_client_of_containers!(skopeo SKOPEO, buildah BUILDAH, podman PODMAN);
for_each_client!(skopeo SKOPEO, buildah BUILDAH, podman PODMAN, crane CRANE, oras ORAS);
for_each_helper!(
    skopeo_copies_an_image_in_and_out,
    crane_finds_a_login_for_a_whole_host,
    cosign_signs_and_verifies_a_private_image,
);
for_env_too!(
    skopeo_copies_an_image_in_and_out,
    crane_finds_a_login_for_a_whole_host,
    cosign_signs_and_verifies_a_private_image,
);
matrix_is_true!();

macro_rules! registry_and_sandbox {
    ($client:expr, $helper:expr, $people:expr) => {{
        require!(find($client.program));
        let people: &[Login] = $people;
        let registry = require!(Registry::private(people));
        let mut sandbox = Sandbox::new($helper);
        sandbox.keep_secret(people);
        $client.configure(&mut sandbox, &registry.host());
        (registry, sandbox)
    }};
}

fn login_keeps_the_secret_out_of_every_file(client: &Client, helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(client, helper, &[alice()]);

    client
        .login(&sandbox, &registry.host(), &alice())
        .assert_success("login");

    sandbox.assert_answers(&registry.host(), &alice());
    assert_eq!(
        sandbox.traces_of(&alice()),
        Vec::<PathBuf>::new(),
        "files that show the secret"
    );
}

fn every_secret_reads_a_private_image(client: &Client, helper: Helper) {
    let people = Login::every();
    let (registry, mut sandbox) = registry_and_sandbox!(client, helper, &people);
    let image = registry.push_image(&people[0]);
    client
        .read(&sandbox, &image)
        .assert_failure("reading a private image before the login");

    for person in &people {
        let takes = client.several_lines || !person.secret.contains('\n');
        if takes && !helper.read_only {
            client
                .login(&sandbox, &registry.host(), person)
                .assert_success("login");
        } else {
            sandbox.provide(&registry.host(), person);
        }
        sandbox.assert_answers(&registry.host(), person);
        client
            .read(&sandbox, &image)
            .assert_success("reading a private image");
    }
}

fn nothing_stored_is_not_an_error(client: &Client, helper: Helper) {
    require!(find(client.program));
    let registry = require!(Registry::public());
    let image = registry.push_image(&alice());
    let mut sandbox = Sandbox::new(helper);
    client.configure(&mut sandbox, &registry.host());

    client
        .read(&sandbox, &image)
        .assert_success("reading a public image without a login");
}

fn logout_removes_the_login(client: &Client, helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(client, helper, &[alice()]);
    let image = registry.push_image(&alice());
    client
        .login(&sandbox, &registry.host(), &alice())
        .assert_success("login");

    client.logout(&sandbox, &registry.host()).assert_success("logout");

    client
        .read(&sandbox, &image)
        .assert_failure("reading after the logout");

    sandbox.assert_not_found(&registry.host());
    sandbox.assert_lists(&json!({}));
    assert!(
        sandbox.stored_files().is_none_or(|files| files == 0),
        "the credential's file is gone"
    );
    assert_eq!(
        client.auths(&sandbox).get(registry.host()),
        None,
        "no marker stays behind"
    );
}

fn a_registry_named_nowhere_is_used(client: &Client, helper: Helper) {
    require!(find(client.program));
    let registry = require!(Registry::private(&[alice()]));
    let image = registry.push_image(&alice());
    let mut sandbox = Sandbox::new(helper);
    sandbox.keep_secret(&[alice()]);
    // With it, newer versions write logins to docker's file.
    sandbox.set("DOCKER_CONFIG", "");
    sandbox.store(&registry.host(), &alice());
    client
        .read(&sandbox, &image)
        .assert_failure("reading a private image before `configure --podman`");

    sandbox
        .command(&["configure", "--podman", "--no-import"])
        .assert_success("configure --podman");

    client
        .read(&sandbox, &image)
        .assert_success("reading a private image");
    client.logout(&sandbox, &registry.host()).assert_success("logout");
    sandbox.assert_not_found(&registry.host());
    client
        .login(&sandbox, &registry.host(), &alice())
        .assert_success("login");
    sandbox.assert_answers(&registry.host(), &alice());
    assert_eq!(
        sandbox.traces_of(&alice()),
        Vec::<PathBuf>::new(),
        "files that show the secret"
    );
}

fn skopeo_copies_an_image_in_and_out(helper: Helper) {
    let (registry, mut sandbox) = registry_and_sandbox!(SKOPEO, helper, &[alice()]);
    registry.push_image(&alice());
    Image::smallest().write_dir(&sandbox.path("image"));
    let remote = format!("docker://{}/{REPOSITORY}:1", registry.host());
    let (to, from) = (["dir:image", &remote], [&remote, "dir:copied"]);
    let copy = |sandbox: &Sandbox, args: [&str; 2]| sandbox.run("skopeo").arg("copy").args(args).outcome();
    copy(&sandbox, to).assert_failure("skopeo copy to the registry without a login");
    copy(&sandbox, from).assert_failure("skopeo copy from the registry without a login");

    sandbox.provide(&registry.host(), &alice());

    copy(&sandbox, to).assert_success("skopeo copy to the registry");
    copy(&sandbox, from).assert_success("skopeo copy from the registry");

    let read =
        |image: &str| std::fs::read(sandbox.path(image).join("manifest.json")).expect("a copied manifest");
    assert_eq!(read("copied"), read("image"));
}

/// crane looks up `host/team/private` first; the login of the host answers, and a sibling's doesn't.
fn crane_finds_a_login_for_a_whole_host(helper: Helper) {
    let (registry, mut sandbox) = registry_and_sandbox!(CRANE, helper, &[alice()]);
    let image = registry.push_image(&alice());
    sandbox.provide(
        &format!("{}/team/other", registry.host()),
        &Login::new("alice", "of another repository"),
    );
    CRANE
        .read(&sandbox, &image)
        .assert_failure("crane with only the login of another repository");

    sandbox.provide(&registry.host(), &alice());

    CRANE
        .read(&sandbox, &image)
        .assert_success("crane with the login of the host");
}

fn cosign_signs_and_verifies_a_private_image(helper: Helper) {
    require!(find("cosign"));
    let registry = require!(Registry::private(&[alice()]));
    let mut sandbox = Sandbox::with_creds_store(helper);
    sandbox.keep_secret(&[alice()]);
    let image = registry.push_image(&alice());
    // The passphrase of the key.
    sandbox.set("COSIGN_PASSWORD", "");
    let cosign = |sandbox: &Sandbox, args: &[&str]| sandbox.run("cosign").args(args).outcome();
    cosign(&sandbox, &["generate-key-pair"]).assert_success("cosign generate-key-pair");
    // Without the transparency log, which is on the internet.
    let sign = [
        "sign",
        "--key=cosign.key",
        "--tlog-upload=false",
        "--use-signing-config=false",
        "--yes",
        &image,
    ];
    let verify = ["verify", "--key=cosign.pub", "--insecure-ignore-tlog", &image];
    cosign(&sandbox, &sign).assert_failure("cosign sign without a login");

    sandbox.provide(&registry.host(), &alice());

    cosign(&sandbox, &sign).assert_success("cosign sign, which writes to the registry");
    cosign(&sandbox, &verify).assert_success("cosign verify");
}
