//! The helper's standard input, and its writer.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::process::Stdio;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread;

use super::memory::note_peak;

/// The helper's standard input.
#[derive(Debug)]
pub enum Input {
    /// These bytes, and then the end.
    Bytes(Vec<u8>),
    /// These bytes in as many writes, and then the end.
    ByteByByte(Vec<u8>),
    /// These bytes, and no end before the helper exits.
    Unended(Vec<u8>),
    /// Nothing for a while, to check that the helper waits; then these bytes and the end.
    Late(Vec<u8>),
    /// This many MiB of zeros.
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
    /// A second descriptor of the end that the helper reads, to check its mode.
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
            // Only kept if needed, because our own reader would keep the pipe from breaking.
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

/// Writes the input in a thread, and returns whether the helper read everything. `gone` breaks when the
/// helper ends.
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
            // Nothing is sent: it breaks when the helper ends, and only then may the pipe end.
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
