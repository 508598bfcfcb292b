//! States of machines. Each begins as a healthy one: docker uses docker-credential-age, which has a login for
//! ghcr.io.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::requirement::environment;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::{Value, json};

/// A problem of a machine.
pub(crate) struct State {
    pub(crate) name: &'static str,
    /// The check that must find it; empty for a healthy state.
    pub(crate) expected: &'static str,
    pub(crate) prepare: fn(&mut Sandbox),
}

pub(crate) const HUB: &str = "https://index.docker.io/v1/";

/// The servers whose logins must not be lost.
pub(crate) const SERVERS: [&str; 8] = [
    "ghcr.io",
    HUB,
    "a.example",
    "b.example",
    "c.example:5000",
    "quay.io",
    "quay.io/org",
    "https://notion.mcp-dcr",
];

fn alice() -> Login {
    Login::new("alice", "hunter2 & more")
}

fn bob() -> Login {
    Login::new("bob", "another secret")
}

pub(crate) fn healthy() -> Sandbox {
    let mut sandbox = Sandbox::new(AGE);
    sandbox.keep_secret(&[alice(), bob()]);
    sandbox.write_config(&healthy_config());
    sandbox.store("ghcr.io", &alice());
    sandbox
}

fn healthy_config() -> Value {
    json!({ "auths": { "ghcr.io": {} }, "credHelpers": { "ghcr.io": "age" }, "credsStore": "age" })
}

/// The healthy configuration with these fields changed; `null` removes one.
fn with(sandbox: &Sandbox, fields: Value) {
    let mut config = healthy_config();
    let Value::Object(fields) = fields else {
        panic!("an object");
    };
    for (key, value) in fields {
        let all = config.as_object_mut().expect("an object");
        if value.is_null() {
            all.remove(&key);
        } else {
            all.insert(key, value);
        }
    }
    sandbox.write_config(&config);
}

fn auths(sandbox: &Sandbox, entries: &[(&str, Value)]) {
    let mut auths = json!({ "ghcr.io": {} });
    for (server, entry) in entries {
        auths[*server] = entry.clone();
    }
    with(sandbox, json!({ "auths": auths }));
}

fn cred_helpers(sandbox: &Sandbox, store: Value, helpers: Value) {
    let fields = [
        ("credsStore".to_owned(), store),
        ("credHelpers".to_owned(), helpers),
    ];
    with(sandbox, fields.into_iter().collect());
}

fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(path, text).expect("a file");
}

fn mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn config_text(sandbox: &Sandbox, text: &str) {
    fs::write(sandbox.config_path(), text).expect("config.json");
}

/// Another program's helper, with a login for a.example.
fn former(sandbox: &Sandbox) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/helpers/docker-credential-former");
    sandbox.add_program("docker-credential-former", script.as_ref());
    let bob = bob();
    let reply = json!({ "ServerURL": "a.example", "Username": bob.username, "Secret": bob.secret });
    write(sandbox.path("home/former/a.example"), format!("{reply}\n"));
}

fn path_variable(sandbox: &mut Sandbox, first: &str) {
    let inherited = environment("PATH").expect("PATH").into_string().expect("UTF-8");
    sandbox.set(
        "PATH",
        format!("{first}{}:{inherited}", sandbox.path("bin").display()),
    );
}

const PODMAN_ASKS: &str = "credential-helpers = [\"age\"]\n";

macro_rules! states {
    ($($name:literal => $expected:literal, $prepare:expr;)*) => {
        pub(crate) const STATES: &[State] = &[
            $(State { name: $name, expected: $expected, prepare: $prepare },)*
        ];
    };
}

states! {
    "a healthy machine" => "", |_| {};
    "a healthy machine with a plain podman namespace" => "", |sandbox| {
        write(sandbox.path("config/containers/auth.json"), json!({ "auths": { "quay.io/org": bob().entry() } }).to_string());
    };
    "podman asks here and logs in here" => "", |sandbox| {
        write(sandbox.path("home/.config/containers/registries.conf.d/50-docker-credential-age.conf"), PODMAN_ASKS);
        sandbox.set("DOCKER_CONFIG", "");
    };
    "entries of other programs" => "", |sandbox| {
        for server in ["https://notion.mcp-dcr", "https://index.docker.io/v1/access-token"] {
            sandbox.store(server, &bob());
        }
    };
    "an empty credHelpers entry" => "", |sandbox| with(sandbox, json!({ "credHelpers": { "ghcr.io": "age", "a.example": "" } }));
    "a link to config.json" => "", |sandbox| {
        let real = sandbox.path("home/dotfiles.json");
        fs::rename(sandbox.config_path(), &real).expect("a new name");
        symlink(real, sandbox.config_path()).expect("a link");
    };

    "not on PATH" => "program", |sandbox| path_variable(sandbox, "");
    "another program of the name on PATH" => "program", |sandbox| {
        sandbox.add_program("docker-credential-age", Path::new("/bin/true"));
    };
    "a relative directory on PATH" => "program", |sandbox| {
        sandbox.add_program("docker-credential-age", &AGE.program());
        path_variable(sandbox, "bin:");
    };
    "a directory on PATH that everybody may write to" => "program", |sandbox| {
        sandbox.add_program("docker-credential-age", &AGE.program());
        mode(sandbox.path("bin"), 0o777);
    };

    "no config.json" => "config", |sandbox| fs::remove_file(sandbox.config_path()).expect("a file");
    "no directory for it" => "config", |sandbox| fs::remove_dir_all(sandbox.path("home/.docker")).expect("a directory");
    "an empty config.json" => "config", |sandbox| config_text(sandbox, "");
    "a config.json of an empty object" => "config", |sandbox| config_text(sandbox, "{}");
    "no store named, other settings" => "config", |sandbox| config_text(sandbox, "{\n\t\"psFormat\": \"table\"\n}\n");
    "another helper with logins" => "config", |sandbox| {
        former(sandbox);
        with(sandbox, json!({ "credsStore": "former", "credHelpers": null }));
    };
    "another helper with logins, and plain text beside it" => "config", |sandbox| {
        former(sandbox);
        with(sandbox, json!({ "credsStore": "former", "credHelpers": null, "auths": { "b.example": bob().entry() } }));
    };
    "plain text without a helper" => "config", |sandbox| {
        with(sandbox, json!({ "credsStore": null, "credHelpers": null, "auths": { "a.example": bob().entry() } }));
    };
    "docker's default store" => "config", |sandbox| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/helpers/docker-credential-former");
        former(sandbox);
        for name in ["pass", "docker-credential-pass"] {
            sandbox.add_program(name, script.as_ref());
        }
        config_text(sandbox, "{}");
    };
    "Docker Desktop is gone" => "helper", |sandbox| with(sandbox, json!({ "credsStore": "desktop" }));
    "Docker Desktop is gone, and plain text is left" => "helper", |sandbox| {
        with(sandbox, json!({ "credsStore": "desktop", "auths": { "a.example": bob().entry() } }));
    };
    "the whole name of the program in credsStore" => "helper", |sandbox| {
        with(sandbox, json!({ "credsStore": "docker-credential-age" }));
    };
    "a helper of one registry is gone" => "helper", |sandbox| cred_helpers(sandbox, json!("age"), json!({ "a.example": "gone", "ghcr.io": "age" }));
    "a helper of a wildcard is gone" => "helper", |sandbox| cred_helpers(sandbox, json!("age"), json!({ "*.a.example": "gone", "ghcr.io": "age" }));
    "a slip in credsStore" => "keys", |sandbox| with(sandbox, json!({ "credsStore": null, "credStore": "age", "credHelpers": null }));
    "a slip in credHelpers" => "keys", |sandbox| with(sandbox, json!({ "credHelper": { "a.example": "age" }, "credHelpers": null }));
    "a trailing comma" => "config", |sandbox| config_text(sandbox, "{\n\t\"credsStore\": \"age\",\n}\n");
    "a byte order mark" => "config", |sandbox| config_text(sandbox, "\u{feff}{\"credsStore\":\"age\"}");
    "text after the value" => "config", |sandbox| config_text(sandbox, "{\"credsStore\":\"age\"} x");
    "a key twice" => "config", |sandbox| config_text(sandbox, "{\"credsStore\":\"age\",\"credsStore\":\"age\"}");
    "a list in place of auths" => "config", |sandbox| config_text(sandbox, "{\"credsStore\":\"age\",\"auths\":[]}");
    "a letter in another encoding" => "config", |sandbox| fs::write(sandbox.config_path(), b"{\"x\":\"caf\xE9\",\"credsStore\":\"age\"}").expect("a file");
    "a file in place of docker's directory" => "config", |sandbox| {
        fs::remove_dir_all(sandbox.path("home/.docker")).expect("a directory");
        write(sandbox.path("home/.docker"), "");
    };
    "an array in place of the object" => "config", |sandbox| config_text(sandbox, "[]");
    "a directory in place of config.json" => "config", |sandbox| {
        fs::remove_file(sandbox.config_path()).expect("a file");
        fs::create_dir(sandbox.config_path()).expect("a directory");
    };
    "a full directory in place of config.json" => "config", |sandbox| {
        fs::remove_file(sandbox.config_path()).expect("a file");
        write(sandbox.config_path().join("x"), "");
    };
    "a config.json that everybody may change" => "config", |sandbox| mode(sandbox.config_path(), 0o666);
    "a directory of docker's that everybody may change" => "config", |sandbox| mode(sandbox.path("home/.docker"), 0o777);
    "a tilde that nothing expands" => "config", |sandbox| sandbox.set("DOCKER_CONFIG", "~/.docker");
    "DOCKER_CONFIG names the file" => "config", |sandbox| {
        let file = sandbox.config_path();
        sandbox.set("DOCKER_CONFIG", file);
    };
    "DOCKER_CONFIG names another file" => "config", |sandbox| {
        let file = sandbox.path("home/other.json");
        write(&file, "{}");
        sandbox.set("DOCKER_CONFIG", file);
    };

    "a URL in credHelpers" => "keys", |sandbox| cred_helpers(sandbox, Value::Null, json!({ "https://a.example": "age", "ghcr.io": "age" }));
    "an upper-case key in credHelpers" => "keys", |sandbox| cred_helpers(sandbox, Value::Null, json!({ "A.EXAMPLE": "age", "ghcr.io": "age" }));
    "a wildcard in credHelpers" => "keys", |sandbox| cred_helpers(sandbox, Value::Null, json!({ "*.example": "age", "ghcr.io": "age" }));
    "a path in credHelpers" => "keys", |sandbox| cred_helpers(sandbox, Value::Null, json!({ "a.example/team": "age", "ghcr.io": "age" }));
    "a password in credHelpers" => "keys", |sandbox| cred_helpers(sandbox, Value::Null, json!({ "bob:another secret@a.example": "age", "ghcr.io": "age" }));
    "the Hub by podman's name only" => "hub-key", |sandbox| cred_helpers(sandbox, Value::Null, json!({ "docker.io": "age", "ghcr.io": "age" }));
    "a name that is a command" => "helper", |sandbox| {
        cred_helpers(sandbox, json!("age"), json!({ "a.example; touch pwned #": "gone", "$(touch pwned)": "gone", "ghcr.io": "age" }));
    };
    "a helper's name that is a command" => "helper", |sandbox| {
        cred_helpers(sandbox, json!("age"), json!({ "a.example": "x; touch pwned #", "ghcr.io": "age" }));
    };
    "an entry whose name is a command" => "plain-text", |sandbox| {
        auths(sandbox, &[("a.example;touch pwned", bob().entry()), ("`touch pwned`", json!({ "auth": "x" }))]);
    };

    "plain text while docker uses the helper" => "left-behind", |sandbox| auths(sandbox, &[("a.example", bob().entry())]);
    "plain text of many" => "left-behind", |sandbox| {
        auths(sandbox, &[("a.example", bob().entry()), ("b.example", alice().entry()), ("c.example:5000", bob().entry())]);
    };
    "an identity token in plain text" => "left-behind", |sandbox| auths(sandbox, &[("a.example", json!({ "identitytoken": "t0ken" }))]);
    "the Hub under two names" => "left-behind", |sandbox| auths(sandbox, &[(HUB, bob().entry()), ("docker.io", alice().entry())]);
    "logins in the helper that docker asked before" => "left-behind", |sandbox| {
        former(sandbox);
        with(sandbox, json!({ "credsStore": "former" }));
        let run = sandbox.command(&["configure", "--no-import"]);
        run.assert_success("configure --no-import");
    };
    "logins that a program left behind by naming the helper" => "left-behind", |sandbox| {
        auths(sandbox, &[("a.example", bob().entry()), ("https://b.example/v1/", alice().entry())]);
    };
    "plain text that docker uses, and an older stored login" => "config", |sandbox| {
        with(sandbox, json!({ "auths": { "ghcr.io": bob().entry() }, "credsStore": null, "credHelpers": null }));
    };
    "plain text beside the helper of its registry" => "plain-text", |sandbox| {
        former(sandbox);
        let auths = json!({ "ghcr.io": {}, "a.example": alice().entry() });
        with(sandbox, json!({ "auths": auths, "credHelpers": { "ghcr.io": "age", "a.example": "former" } }));
    };
    "plain text beside a helper that has another login" => "config", |sandbox| {
        former(sandbox);
        let auths = json!({ "ghcr.io": {}, "a.example": alice().entry() });
        with(sandbox, json!({ "auths": auths, "credsStore": "former", "credHelpers": null }));
    };
    "the oldest file of docker" => "plain-text", |sandbox| write(sandbox.path("home/.dockercfg"), json!({ "https://a.example": bob().entry() }).to_string());
    "podman's file" => "plain-text", |sandbox| {
        write(sandbox.path("config/containers/auth.json"), json!({ "auths": { "a.example": bob().entry() } }).to_string());
    };
    "podman's file of this session" => "plain-text", |sandbox| {
        write(sandbox.path("run/containers/auth.json"), json!({ "auths": { "a.example": bob().entry() } }).to_string());
    };
    "plain text that differs from what is stored" => "plain-text", |sandbox| auths(sandbox, &[("ghcr.io", bob().entry())]);
    "plain text that is stored as well" => "plain-text", |sandbox| auths(sandbox, &[("https://ghcr.io", alice().entry())]);
    "an old login of podman's that differs" => "plain-text", |sandbox| {
        write(sandbox.path("run/containers/auth.json"), json!({ "auths": { "ghcr.io": bob().entry() } }).to_string());
    };
    "a registry token" => "plain-text", |sandbox| auths(sandbox, &[("a.example", json!({ "registrytoken": "t0ken" }))]);
    "a wildcard in auths" => "plain-text", |sandbox| auths(sandbox, &[("*.a.example", bob().entry())]);
    "an upper-case scheme in auths" => "plain-text", |sandbox| auths(sandbox, &[("HTTPS://a.example", bob().entry())]);
    "a password in the key of an entry" => "plain-text", |sandbox| auths(sandbox, &[("bob:another secret@a.example", bob().entry())]);
    "an entry that is not base64" => "config", |sandbox| auths(sandbox, &[("a.example", json!({ "auth": "x" }))]);
    "an entry that is not base64, and others" => "config", |sandbox| {
        auths(sandbox, &[("a.example", json!({ "auth": "x" })), ("b.example", bob().entry())]);
    };

    "a marker is missing" => "markers", |sandbox| with(sandbox, json!({ "auths": null }));
    "markers are missing" => "markers", |sandbox| {
        for server in [HUB, "a.example", "c.example:5000"] {
            sandbox.store(server, &bob());
        }
        let names = json!({ "ghcr.io": "age", "docker.io": "age", HUB: "age", "a.example": "age", "c.example:5000": "age" });
        with(sandbox, json!({ "credHelpers": names }));
    };
    "podman does not ask" => "podman", |sandbox| with(sandbox, json!({ "credHelpers": null }));
    "podman asks here and logs in to docker's file" => "podman", |sandbox| {
        write(sandbox.path("home/.config/containers/registries.conf.d/50-docker-credential-age.conf"), PODMAN_ASKS);
    };
    "podman's registries.conf is broken" => "podman", |sandbox| write(sandbox.path("home/.config/containers/registries.conf"), "[[[");
    "podman's auth.json is broken" => "podman", |sandbox| write(sandbox.path("config/containers/auth.json"), "{,}");

    "a wrong value of a setting" => "settings", |sandbox| sandbox.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "1h");
    "a wrong value of a switch" => "settings", |sandbox| sandbox.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "perhaps");
    "a slip in a setting" => "settings", |sandbox| sandbox.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECOND", "60");
    "a setting that does not exist" => "settings", |sandbox| sandbox.set("DOCKER_CREDENTIAL_AGE_CACHE", "1");
    "a relative log" => "settings", |sandbox| sandbox.set("DOCKER_CREDENTIAL_LOG", "log");
    "a log in a directory that does not exist" => "settings", |sandbox| {
        let log = sandbox.path("nowhere/log");
        sandbox.set("DOCKER_CREDENTIAL_LOG", log);
    };
    "a wrong answer for when it is locked" => "settings", |sandbox| sandbox.set("DOCKER_CREDENTIAL_WHEN_UNAVAILABLE", "ignore");
    "a relative directory for the store" => "settings", |sandbox| sandbox.set("DOCKER_CREDENTIAL_AGE_DIR", "store");
    "DOCKER_AUTH_CONFIG answers first" => "auth-config", |sandbox| {
        sandbox.set("DOCKER_AUTH_CONFIG", json!({ "auths": { "ghcr.io": bob().entry() } }).to_string());
    };
    "DOCKER_AUTH_CONFIG is not JSON" => "auth-config", |sandbox| sandbox.set("DOCKER_AUTH_CONFIG", "/builds/auth.json");
    "a variable of docker-credential-env" => "", |sandbox| sandbox.set("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "x");

    "no identity and no store" => "identity", |sandbox| {
        fs::remove_dir_all(sandbox.path("config/docker-credential-age")).expect("a directory");
        fs::remove_dir_all(sandbox.path("data/docker-credential-age")).expect("a directory");
    };
    "others can read the identity" => "identity", |sandbox| mode(sandbox.path("config/docker-credential-age/identity.txt"), 0o644);
    "the identity was moved aside" => "identity", |sandbox| {
        let identity = sandbox.path("config/docker-credential-age/identity.txt");
        fs::rename(&identity, identity.with_extension("txt.old")).expect("a new name");
    };
    "the identity is a link to a disk that is not mounted" => "identity", |sandbox| {
        let identity = sandbox.path("config/docker-credential-age/identity.txt");
        fs::remove_file(&identity).expect("a file");
        symlink("/nowhere/identity.txt", identity).expect("a link");
    };
    "the same before the first login" => "identity", |sandbox| {
        let identity = sandbox.path("config/docker-credential-age/identity.txt");
        fs::remove_dir_all(sandbox.path("data/docker-credential-age")).expect("a directory");
        fs::remove_file(&identity).expect("a file");
        symlink("/nowhere/identity.txt", identity).expect("a link");
    };
    "everybody can change the identity" => "identity", |sandbox| mode(sandbox.path("config/docker-credential-age/identity.txt"), 0o666);
    "a recipient that nobody approved" => "recipients", |sandbox| {
        let own = sandbox.command(&["recipients", "list"]).text();
        let own = own.split_whitespace().next().expect("a key").to_owned();
        let other = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        write(sandbox.path("data/docker-credential-age/.age-recipients"), format!("{own}\n{other}\n"));
    };
    "an entry that is no age file" => "entries", |sandbox| {
        sandbox.store("a.example", &bob());
        let stored = fs::read_dir(sandbox.path("data/docker-credential-age")).expect("a directory");
        let entry = stored.flatten().map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("a.example"));
        fs::write(entry.expect("an entry"), "<<<<<<< HEAD\n").expect("a file");
    };
}
