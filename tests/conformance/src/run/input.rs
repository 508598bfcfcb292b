//! The helper's standard input, and how it is fed.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::process::Stdio;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread;

use super::memory::note_peak;

/// What stands on the helper's standard input.
#[derive(Debug)]
pub enum Input {
    /// These bytes, and then the end.
    Bytes(Vec<u8>),
    /// These bytes in as many writes, and then the end.
    ByteByByte(Vec<u8>),
    /// These bytes, and no end before the helper has gone.
    Unended(Vec<u8>),
    /// Nothing for a while, to see whether the helper waits for it; then these bytes and the end.
    Late(Vec<u8>),
    /// So many MiB of zeros.
    ZeroMebibytes(usize),
    /// A file or a directory.
    Path(&'static str),
    /// No descriptor at all.
    Closed,
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

/// The runner's side of the helper's standard input.
pub(super) struct Feed {
    pub(super) pipe: Option<PipeWriter>,
    /// A second hold on the end that the helper reads, to see what it did to it.
    #[cfg_attr(not(unix), allow(dead_code, reason = "only Unix can tell the mode of a pipe"))]
    pub(super) far_end: Option<PipeReader>,
    pub(super) plan: Input,
}

pub(super) fn stdin_for(input: Input) -> io::Result<(Stdio, Feed)> {
    match input {
        Input::Closed => Ok((
            Stdio::null(),
            Feed {
                pipe: None,
                far_end: None,
                plan: input,
            },
        )),
        Input::Path(path) => Ok((
            File::open(path)?.into(),
            Feed {
                pipe: None,
                far_end: None,
                plan: input,
            },
        )),
        plan => {
            let (reader, writer) = io::pipe()?;
            // Held only where it is looked at: a reader of our own would keep a broken pipe from breaking.
            let far_end = match plan {
                Input::Unended(_) => Some(reader.try_clone()?),
                _ => None,
            };
            Ok((
                reader.into(),
                Feed {
                    pipe: Some(writer),
                    far_end,
                    plan,
                },
            ))
        }
    }
}

/// Feeds the helper from a thread, and tells whether it took everything. `gone` breaks when the helper has ended.
pub(super) fn send(
    pipe: Option<PipeWriter>,
    plan: Input,
    pid: u32,
    peak: Arc<AtomicU64>,
    gone: mpsc::Receiver<()>,
) -> mpsc::Receiver<bool> {
    let (sender, fed) = mpsc::channel();
    thread::spawn(move || {
        let Some(mut pipe) = pipe else {
            let _unwanted = sender.send(true);
            return;
        };
        let taken = write_plan(&mut pipe, &plan, pid, &peak).is_ok();
        if matches!(plan, Input::Unended(_)) {
            // Never sent to: it breaks when the helper has ended, and only then may the pipe come to its end.
            let _broken = gone.recv();
        }
        drop(pipe);
        let _unwanted = sender.send(taken);
    });
    fed
}

fn write_plan(pipe: &mut PipeWriter, plan: &Input, pid: u32, peak: &AtomicU64) -> io::Result<()> {
    match plan {
        Input::Bytes(bytes) | Input::Late(bytes) | Input::Unended(bytes) => pipe.write_all(bytes),
        Input::ByteByByte(bytes) => bytes.iter().try_for_each(|byte| pipe.write_all(&[*byte])),
        Input::ZeroMebibytes(count) => {
            let zeros = vec![0; 1 << 20];
            for _ in 0..*count {
                pipe.write_all(&zeros)?;
                note_peak(pid, peak);
            }
            Ok(())
        }
        Input::Path(_) | Input::Closed => Ok(()),
    }
}

#[cfg(unix)]
pub(super) fn is_nonblocking(pipe: &PipeReader) -> bool {
    rustix::fs::fcntl_getfl(pipe).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::NONBLOCK))
}

#[cfg(not(unix))]
pub(super) fn is_nonblocking(_pipe: &PipeReader) -> bool {
    false
}
