//! What the kernel says that a process has used.

use std::time::Duration;

use crate::Result;

/// CPU time of all threads, user and system. The kernel counts it in nanoseconds and tells it in ticks of 10 ms.
pub fn cpu(process: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may contain anything; the fields after it are numbers. utime and stime are 14 and 15.
    let (_, fields) = stat.rsplit_once(')').ok_or("unexpected /proc/PID/stat")?;
    let mut ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let (Some(user), Some(system)) = (ticks.next(), ticks.next()) else {
        return Err("short /proc/PID/stat".into());
    };
    Ok(Duration::from_millis((user? + system?) * 10))
}

/// Memory in RAM, in kB.
pub fn memory(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
