//! A whole helper that keeps logins in one JSON file, readable by its owner only. It shows how little code a
//! helper needs. Don't keep passwords in it: they are in plain text.
//!
//! ```sh
//! cargo build --example docker-credential-jsonfile
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use docker_credential_helper::directory::Directory;
use docker_credential_helper::{
    Credential, CredentialStore, Environment, Error, Helper, Listed, Secret, ServerUrl, Username, ZeroOnFree,
    serve,
};

/// Wipes freed memory, including passwords.
#[global_allocator]
static ALLOCATOR: ZeroOnFree = ZeroOnFree;

const FILE: &str = "logins.json";
const SIZE_MAX: u64 = 16 << 20;

/// Maps the key of a server to the server as stored, the user name and the secret.
type Logins = BTreeMap<String, (String, String, String)>;

struct JsonFile {
    environment: Environment,
    path: PathBuf,
}

impl JsonFile {
    fn open(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            path: environment.data_directory()?.join("docker-credential-jsonfile"),
            environment: environment.clone(),
        })
    }

    fn read(&self) -> Result<Logins, Error> {
        match self.environment.trust().store_to_read(&self.path, false)? {
            Some(store) => self.read_in(&store.directory),
            None => Ok(Logins::new()),
        }
    }

    fn read_in(&self, directory: &Directory) -> Result<Logins, Error> {
        let file = self.path.join(FILE);
        match directory
            .read(FILE, SIZE_MAX)
            .map_err(Error::file("read", &file))?
        {
            None => Ok(Logins::new()),
            // serde_json's own text may quote a password.
            Some(text) => serde_json::from_slice(&text)
                .map_err(|_| Error::damaged(format!("{} is not what this helper wrote", file.display()))),
        }
    }

    /// Reads, changes and replaces the file, and keeps other processes from doing so.
    fn change(&self, change: impl FnOnce(&mut Logins)) -> Result<(), Error> {
        let directory = self.environment.trust().store_to_write(&self.path, false)?;
        let lock = directory
            .lock(Duration::from_secs(10))
            .map_err(Error::file("lock", &self.path))?;
        let mut logins = self.read_in(&directory)?;
        change(&mut logins);
        let text = serde_json::to_vec(&logins)
            .map_err(|_| Error::damaged("the logins cannot be written as JSON"))?;
        directory
            .replace(&lock, FILE, &text, 0o600)
            .map_err(Error::file("write to", &self.path))
    }
}

fn credential((server, username, secret): &(String, String, String)) -> Result<Credential, Error> {
    Ok(Credential::new(
        ServerUrl::parse(server)?,
        Username::parse(username.clone())?,
        Secret::new(secret.clone()),
    ))
}

impl CredentialStore for JsonFile {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        self.read()?
            .get(&server.key().to_string())
            .map(credential)
            .transpose()
    }

    fn store(&self, login: &Credential) -> Result<(), Error> {
        let (server, username) = (login.server().as_str(), login.username().as_str());
        let entry = (
            server.to_owned(),
            username.to_owned(),
            login.secret().expose().to_owned(),
        );
        self.change(|logins| {
            logins.insert(login.server().key().to_string(), entry);
        })
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        self.change(|logins| {
            logins.remove(&server.key().to_string());
        })
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        let logins = self.read()?;
        logins
            .values()
            .map(|login| Ok(Listed::from(&credential(login)?)))
            .collect()
    }
}

fn main() -> ExitCode {
    let helper = Helper::new("jsonfile", env!("CARGO_PKG_VERSION")).package(env!("CARGO_PKG_NAME"));
    serve(&helper, JsonFile::open)
}
