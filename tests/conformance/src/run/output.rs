//! The destination of the helper's output, and its reader.

use std::fs::File;
use std::io::{self, PipeReader, Read as _};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

/// The limit on one stream; a helper that prints more is killed.
const OUTPUT_LIMIT: usize = 8 << 20;

/// The destination of the helper's standard output and standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A pipe each, read to the end.
    Apart,
    /// One pipe for both, as with Java's `redirectErrorStream(true)`.
    Merged,
    /// Standard output on `/dev/full`.
    Full,
    /// Standard output on a pipe that nobody reads.
    ReaderGone,
    /// No standard output.
    NoStdout,
    /// No standard error.
    NoStderr,
    /// Neither.
    Neither,
}

/// The runner's ends: standard output, then standard error.
pub(super) type Ends = [Option<PipeReader>; 2];

pub(super) fn output_for(output: Output) -> io::Result<(Ends, Stdio, Stdio)> {
    let (out_reader, out_writer) = io::pipe()?;
    let (err_reader, err_writer) = io::pipe()?;
    let (out_reader, err_reader) = (Some(out_reader), Some(err_reader));
    Ok(match output {
        Output::Apart | Output::NoStdout | Output::NoStderr | Output::Neither => {
            ([out_reader, err_reader], out_writer.into(), err_writer.into())
        }
        Output::Merged => (
            [out_reader, None],
            out_writer.try_clone()?.into(),
            out_writer.into(),
        ),
        Output::Full => {
            let full = File::options().write(true).open("/dev/full")?;
            ([None, err_reader], full.into(), err_writer.into())
        }
        Output::ReaderGone => ([None, err_reader], out_writer.into(), err_writer.into()),
    })
}

/// The content of a stream, collected in a thread so that a full pipe doesn't block the helper.
pub(super) struct Collected {
    whole: mpsc::Receiver<Vec<u8>>,
    pub(super) overflowed: Arc<AtomicBool>,
}

impl Collected {
    pub(super) fn take(self, until: Instant) -> Vec<u8> {
        self.whole
            .recv_timeout(until.saturating_duration_since(Instant::now()))
            .unwrap_or_default()
    }
}

pub(super) fn collect(end: Option<PipeReader>) -> Collected {
    let (sender, whole) = mpsc::channel();
    let overflowed = Arc::new(AtomicBool::new(false));
    if let Some(mut end) = end {
        let overflowed = Arc::clone(&overflowed);
        thread::spawn(move || {
            let mut kept = Vec::new();
            let mut buffer = [0; 16 << 10];
            while let Ok(count @ 1..) = end.read(&mut buffer) {
                if kept.len() + count > OUTPUT_LIMIT {
                    overflowed.store(true, Ordering::Release);
                    break;
                }
                kept.extend_from_slice(&buffer[..count]);
            }
            // Nobody waits for it after the run.
            let _unwanted = sender.send(kept);
        });
    }
    Collected { whole, overflowed }
}
