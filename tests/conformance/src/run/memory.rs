//! The helper's memory.

use std::sync::atomic::{AtomicU64, Ordering};

/// Records the helper's peak memory, which Linux reports while it runs.
pub(super) fn note_peak(pid: u32, peak: &AtomicU64) {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
        return;
    };
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
    if let Some(kib) = kib {
        peak.fetch_max(kib, Ordering::Relaxed);
    }
}
