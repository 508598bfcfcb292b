//! A terminal on which a person answers prompts.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::sandbox::Sandbox;

/// Longer than prompts wait for a person.
const DEADLINE: Duration = Duration::from_mins(3);

/// The outcome of a script on a terminal.
#[derive(Debug)]
pub struct Session {
    /// The whole output on the terminal.
    pub screen: String,
    /// The script's exit code.
    pub code: Option<i32>,
}

impl Session {
    /// The number of occurrences of a text.
    pub fn count(&self, text: &str) -> usize {
        self.screen.matches(text).count()
    }
}

/// Runs a shell script on a new controlling terminal, and types the next of `answers` each time the screen
/// ends in a colon and a space. Redirected output doesn't go to the terminal.
pub fn run_on_terminal(place: &Sandbox, script: &str, answers: &[&str]) -> Session {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).expect("a pseudo-terminal");
    grantpt(&master).expect("a pseudo-terminal");
    unlockpt(&master).expect("a pseudo-terminal");
    let name = ptsname(&master, Vec::new()).expect("a pseudo-terminal has a name");
    let open = || -> Stdio {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        File::from(rustix::fs::open(&name, flags, Mode::empty()).expect("a pseudo-terminal")).into()
    };
    let mut child = place
        .run("setsid")
        .args(["--ctty", "--wait", "sh", "-c", script])
        .into_command()
        .stdin(open())
        .stdout(open())
        .stderr(open())
        .spawn()
        .expect("setsid can be run");

    let mut master = File::from(master);
    let mut typist = master.try_clone().expect("a second descriptor");
    let (sender, seen) = mpsc::channel();
    // Reading a terminal after its last user closed it is an error, not an end of file.
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = master.read(&mut bytes) {
            if sender.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + DEADLINE;
    let mut answers = answers.iter();
    let mut screen = Vec::new();
    // The length of the screen at the last answered prompt.
    let mut asked = 0;
    let mut is_late = false;
    // Until the last user has closed the terminal, and all its output was read.
    while !is_late {
        match seen.recv_timeout(Duration::from_millis(100)) {
            Ok(bytes) => screen.extend(bytes),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if screen.ends_with(b": ")
            && asked != screen.len()
            && let Some(answer) = answers.next()
        {
            asked = screen.len();
            let _ = typist.write_all(answer.as_bytes());
        }
        is_late = Instant::now() > deadline;
    }
    if is_late {
        let _ = child.kill();
    }
    let status = child.wait().expect("the state of a child can be read");
    assert!(
        !is_late,
        "the script has not ended: {}",
        String::from_utf8_lossy(&screen)
    );
    Session {
        screen: String::from_utf8_lossy(&screen).into_owned(),
        code: status.code(),
    }
}
