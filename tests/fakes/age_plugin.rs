//! An age plugin without hardware: it hides the key of a file with a constant. It asks for the PIN in
//! `$HOME/plugin/pin` if there is one, fails as `$HOME/plugin/failure` describes, and records each run in
//! `$HOME/plugin/runs` and its variables in `$HOME/plugin/environment`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::secrecy::ExposeSecret as _;
use age_plugin::identity::{self, IdentityPluginV1};
use age_plugin::recipient::{self, RecipientPluginV1};
use age_plugin::{Callbacks, PluginHandler, run_state_machine};

const NAME: &str = "test";
const MASK: u8 = 0x55;

fn home() -> PathBuf {
    std::env::home_dir().unwrap_or_default().join("plugin")
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let state_machine = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("--age-plugin="))
        .ok_or(io::ErrorKind::InvalidInput)?;
    let mut known: Vec<String> = std::env::vars()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    known.sort();
    fs::write(home().join("environment"), known.concat())?;
    let mut runs = OpenOptions::new()
        .append(true)
        .create(true)
        .open(home().join("runs"))?;
    writeln!(runs, "{state_machine}")?;
    match fs::read_to_string(home().join("failure"))
        .unwrap_or_default()
        .as_str()
    {
        // Stays, because the helper reports that it ended if that comes first.
        "junk" => {
            io::stdout().write_all(b"-> \n\x1b[31m junk\n")?;
            io::stdout().flush()?;
            loop {
                std::thread::park();
            }
        }
        "exit" => return Ok(()),
        "hang" => loop {
            std::thread::park();
        },
        // Sends a message repeatedly, without waiting for answers: without a pause, or slowly.
        "flood" => loop {
            io::stdout().write_all(b"-> msg\naGVsbG8\n")?;
        },
        "line" => loop {
            io::stdout().write_all(&[b'a'; 1 << 12])?;
        },
        "chat" => loop {
            io::stdout().write_all(b"-> msg\naGVsbG8\n")?;
            io::stdout().flush()?;
            std::thread::sleep(std::time::Duration::from_secs(1));
        },
        _ => {}
    }
    run_state_machine(state_machine, Handler)
}

struct Handler;

impl PluginHandler for Handler {
    type RecipientV1 = Recipients;
    type IdentityV1 = Identities;

    fn recipient_v1(self) -> io::Result<Self::RecipientV1> {
        Ok(Recipients(0))
    }

    fn identity_v1(self) -> io::Result<Self::IdentityV1> {
        Ok(Identities)
    }
}

struct Recipients(usize);

impl RecipientPluginV1 for Recipients {
    fn add_recipient(&mut self, index: usize, plugin_name: &str, _: &[u8]) -> Result<(), recipient::Error> {
        self.0 += 1;
        if plugin_name == NAME {
            return Ok(());
        }
        Err(recipient::Error::Recipient {
            index,
            message: "not mine".to_owned(),
        })
    }

    fn add_identity(&mut self, index: usize, plugin_name: &str, _: &[u8]) -> Result<(), recipient::Error> {
        self.0 += 1;
        if plugin_name == NAME {
            return Ok(());
        }
        Err(recipient::Error::Identity {
            index,
            message: "not mine".to_owned(),
        })
    }

    fn labels(&mut self) -> std::collections::HashSet<String> {
        std::collections::HashSet::new()
    }

    fn wrap_file_keys(
        &mut self,
        file_keys: Vec<FileKey>,
        _: impl Callbacks<recipient::Error>,
    ) -> io::Result<Result<Vec<Vec<Stanza>>, Vec<recipient::Error>>> {
        let stanza = |key: &FileKey| Stanza {
            tag: NAME.to_owned(),
            args: Vec::new(),
            body: key.expose_secret().iter().map(|byte| byte ^ MASK).collect(),
        };
        Ok(Ok(file_keys
            .iter()
            .map(|key| (0..self.0).map(|_| stanza(key)).collect())
            .collect()))
    }
}

struct Identities;

impl IdentityPluginV1 for Identities {
    fn add_identity(&mut self, index: usize, plugin_name: &str, _: &[u8]) -> Result<(), identity::Error> {
        if plugin_name == NAME {
            return Ok(());
        }
        Err(identity::Error::Identity {
            index,
            message: "not mine".to_owned(),
        })
    }

    fn unwrap_file_keys(
        &mut self,
        files: Vec<Vec<Stanza>>,
        mut callbacks: impl Callbacks<identity::Error>,
    ) -> io::Result<HashMap<usize, Result<FileKey, Vec<identity::Error>>>> {
        let error = |message: &str| {
            vec![identity::Error::Identity {
                index: 0,
                message: message.to_owned(),
            }]
        };
        let mut is_open = true;
        if let Ok(pin) = fs::read_to_string(home().join("pin")) {
            let _: Result<(), Infallible> = callbacks.message("please touch the key")?.or(Ok(()));
            is_open = matches!(callbacks.request_secret("PIN of the key")?, Ok(given) if given.expose_secret() == pin);
        }
        Ok(files
            .iter()
            .enumerate()
            .filter_map(|(index, stanzas)| Some((index, stanzas.iter().find(|stanza| stanza.tag == NAME)?)))
            .map(|(index, stanza)| {
                if !is_open {
                    return (index, Err(error("the PIN is wrong")));
                }
                let key = <[u8; FILE_KEY_BYTES]>::try_from(stanza.body.as_slice());
                let key = key.map(|key| FileKey::new(Box::new(key.map(|byte| byte ^ MASK))));
                (index, key.map_err(|_| error("the stanza is damaged")))
            })
            .collect())
    }
}
