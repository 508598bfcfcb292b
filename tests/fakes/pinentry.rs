//! A pinentry without a person. It answers with the content of `$HOME/pinentry/answer`, or cancels without
//! that file, and records its requests in `$HOME/pinentry/requests` and its variables in
//! `$HOME/pinentry/environment`.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, Write as _};

fn main() -> io::Result<()> {
    let home = std::env::home_dir().unwrap_or_default().join("pinentry");
    let mut known: Vec<String> = std::env::vars()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    known.sort();
    fs::write(home.join("environment"), known.concat())?;
    let mut requests = OpenOptions::new()
        .append(true)
        .create(true)
        .open(home.join("requests"))?;

    let mut out = io::stdout().lock();
    writeln!(out, "OK Pleased to meet you")?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        writeln!(requests, "{line}")?;
        match line.as_str() {
            "BYE" => return writeln!(out, "OK closing connection"),
            "GETPIN" => match fs::read_to_string(home.join("answer")) {
                Ok(answer) => {
                    let escaped = answer.replace('%', "%25").replace('\n', "%0A");
                    writeln!(out, "S PASSPHRASE_INFO\nD {escaped}\nOK")?;
                }
                Err(_) => writeln!(out, "ERR 83886179 Operation cancelled <Pinentry>")?,
            },
            _ => writeln!(out, "OK")?,
        }
    }
    Ok(())
}
