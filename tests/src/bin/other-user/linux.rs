//! The whole program, which exchanges names with a Linux system call.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use linux_keyutils::{KeyError, KeyRing, KeyRingIdentifier};
use rustix::fs::{CWD, RenameFlags, renameat_with};

pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["listen", socket] = arguments[..] {
        return listen(Path::new(socket));
    }
    if let ["fill"] = arguments[..] {
        return fill();
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        over.store(true, Ordering::Relaxed);
    });
    println!("ready");
    let (mut tries, mut successes) = (0_u64, 0_u64);
    while !is_over.load(Ordering::Relaxed) {
        match arguments[..] {
            ["flip", one, other] => {
                tries += 1;
                let flipped = renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE);
                successes += u64::from(flipped.is_ok());
            }
            ["open", directory] => {
                for entry in Path::new(directory).read_dir().into_iter().flatten().flatten() {
                    tries += 1;
                    successes += u64::from(std::fs::File::open(entry.path()).is_ok());
                }
            }
            _ => return ExitCode::FAILURE,
        }
    }
    println!("{tries} {successes}");
    ExitCode::SUCCESS
}

/// Reads each connection until it ends, or until data arrives.
fn listen(socket: &Path) -> ExitCode {
    let Ok(listener) = std::os::unix::net::UnixListener::bind(socket) else {
        return ExitCode::FAILURE;
    };
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    if std::fs::set_permissions(socket, everybody).is_err() {
        return ExitCode::FAILURE;
    }
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut byte = [0];
            let said = (&connection).read(&mut byte).is_ok_and(|length| length > 0);
            println!("{}", if said { "something" } else { "nothing" });
        }
    });
    println!("ready");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

/// Fills this user's quota of kernel keys up to the last bytes, and removes the keys at the end.
fn fill() -> ExitCode {
    let Ok(ring) = KeyRing::from_special_id(KeyRingIdentifier::User, false) else {
        return ExitCode::FAILURE;
    };
    let mut length = 4096;
    let mut number = 0;
    while length > 0 {
        match ring.add_key(&number.to_string(), &vec![b'x'; length]) {
            Ok(_) => number += 1,
            Err(KeyError::QuotaExceeded) => length /= 2,
            Err(_) => return ExitCode::FAILURE,
        }
    }
    println!("ready");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    match ring.clear() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
