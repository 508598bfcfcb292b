//! The clients that run helpers. The kubelet doesn't: it only reads `auths`.

use super::Client;
use super::readers as read;
use super::workflows as does;
use crate::Class;

const HUB_URL: &[&str] = &["https://index.docker.io/v1/"];

pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "docker",
        about: "docker login, pull, logout and the classic build",
        get: read::docker,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "docker CLI: trimmed stdout of a failed `get` equals the text; one value is decoded",
        more: does::docker,
    },
    Client {
        name: "buildx",
        about: "buildx and BuildKit, which use docker's package",
        get: read::docker,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "BuildKit: docker's own package, one request after another",
        more: does::buildx,
    },
    Client {
        name: "compose",
        about: "docker compose pull",
        get: read::docker,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "compose: docker's own package, a request for each image",
        more: does::compose,
    },
    Client {
        name: "podman",
        about: "podman, skopeo and buildah, with `credHelpers`",
        get: read::docker,
        questions: host,
        hub: (&["docker.io"], Class::Stricter),
        source: "containers/image: docker's own package; Docker Hub is `docker.io`",
        more: does::podman,
    },
    Client {
        name: "crane",
        about: "crane, ko, cosign and kaniko",
        get: read::docker,
        questions: |host| vec![format!("{host}/org/repo"), host.to_owned()],
        hub: (
            &["index.docker.io/library/alpine", "https://index.docker.io/v1/"],
            Class::Client,
        ),
        source: "go-containerregistry: asks for the repository, then for the host",
        more: does::crane,
    },
    Client {
        name: "oras",
        about: "oras and helm",
        get: read::oras,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "oras-go: stdout of a failed `get` equals the text; nothing may follow the JSON",
        more: does::oras,
    },
    Client {
        name: "nerdctl",
        about: "nerdctl, which looks up to seven spellings",
        get: read::docker,
        questions: does::nerdctl_spellings,
        hub: (
            &[
                "registry-1.docker.io:443",
                "https://index.docker.io/v1/",
                "https://registry-1.docker.io:443",
            ],
            Class::Client,
        ),
        source: "nerdctl: asks for each spelling in turn; an error ends it",
        more: does::nerdctl,
    },
    Client {
        name: "docker-py",
        about: "docker for Python, which Ansible uses",
        get: read::docker_py,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "docker-py: the text anywhere in stdout; keys by exact case",
        more: does::docker_py,
    },
    Client {
        name: "docker-credential-rs",
        about: "the Rust crate docker_credential, in testcontainers-rs and oci-client",
        get: read::rust,
        questions: host,
        hub: (&["index.docker.io"], Class::Stricter),
        source: "docker_credential: any failure is an error; the request must be read",
        more: Vec::new,
    },
    Client {
        name: "testcontainers-java",
        about: "testcontainers for Java",
        get: read::testcontainers_java,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "testcontainers-java: exit 1 and the text that it learnt from an impossible registry",
        more: does::testcontainers_java,
    },
    Client {
        name: "testcontainers-go",
        about: "testcontainers for Go, which looks up the keys of config.json as written",
        get: read::docker,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "testcontainers-go: the text exactly; the keys of `auths` as written",
        more: does::testcontainers_go,
    },
    Client {
        name: "testcontainers-node",
        about: "testcontainers for Node, and the container tools of .NET",
        get: read::testcontainers_node,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "testcontainers-node: writes a line; any failure is \"not found\"",
        more: does::testcontainers_node,
    },
    Client {
        name: "regctl",
        about: "regctl and regclient, which list first",
        get: read::regctl,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "regclient: only looks up listed servers",
        more: Vec::new,
    },
    Client {
        name: "jib",
        about: "Google's jib",
        get: read::jib,
        questions: host,
        hub: (
            &[
                "registry.hub.docker.com",
                "index.docker.io",
                "registry-1.docker.io",
                "docker.io",
            ],
            Class::Stricter,
        ),
        source: "jib: the text anywhere in stdout; ignores the exit code",
        more: Vec::new,
    },
    Client {
        name: "spring-boot",
        about: "Spring Boot's image building",
        get: read::spring_boot,
        questions: host,
        hub: (HUB_URL, Class::Client),
        source: "Spring Boot: one stream for stdout and stderr, compared exactly",
        more: does::spring_boot,
    },
    Client {
        name: "docker-maven-plugin",
        about: "fabric8's docker-maven-plugin",
        get: read::docker_maven_plugin,
        questions: |host| vec![host.to_owned(), format!("https://{host}")],
        hub: (HUB_URL, Class::Client),
        source: "docker-maven-plugin: exit 1 is \"not found\", any other failure an error",
        more: does::docker_maven_plugin,
    },
];

fn host(host: &str) -> Vec<String> {
    vec![host.to_owned()]
}
