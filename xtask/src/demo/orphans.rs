//! Finds processes that outlive the host: on Linux this process becomes their
//! parent when their own has ended.

#[cfg(target_os = "linux")]
pub(crate) use linux::{adopt, none_left};

#[cfg(not(target_os = "linux"))]
pub(crate) fn adopt() -> anyhow::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn none_left(_: Option<u32>) -> anyhow::Result<()> {
    println!("Whether a child of it is left can be seen on Linux only.");
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        fs, thread,
        time::{Duration, Instant},
    };

    use anyhow::{Context, Result, bail};
    use rustix::{
        io::Errno,
        process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid},
    };

    /// When the host was killed, its children are first asked to end and made to
    /// only some 2 seconds later.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// From now on the orphans among the descendants become children of this
    /// process.
    pub(crate) fn adopt() -> Result<()> {
        set_child_subreaper(Some(getpid())).context("orphans cannot be adopted")
    }

    /// An error if a descendant still runs besides the child `own`, if
    /// there is one; it is killed. Only for when all else that this process itself
    /// started has been waited for.
    pub(crate) fn none_left(own: Option<u32>) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = running(own)?;
            if left.is_empty() {
                println!("No child of it is left.");
                return Ok(());
            }
            if Instant::now() > end {
                bail!("still running, and killed now: {}", kill_all(&left));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The children besides `own` that have not ended; those that have are gone
    /// after this.
    fn running(own: Option<u32>) -> Result<Vec<Pid>> {
        let mut running = Vec::new();
        for pid in children() {
            if u32::try_from(pid.as_raw_pid())
                .ok()
                .is_some_and(|pid| Some(pid) == own)
            {
                continue;
            }
            match waitpid(Some(pid), WaitOptions::NOHANG) {
                Ok(None) => running.push(pid),
                Ok(Some(_)) | Err(Errno::CHILD) => {}
                Err(error) => return Err(error).context("children cannot be waited for"),
            }
        }
        Ok(running)
    }

    /// Kills them and says what they were.
    fn kill_all(children: &[Pid]) -> String {
        let mut killed = Vec::new();
        for pid in children {
            let command = fs::read_to_string(format!("/proc/{}/cmdline", pid.as_raw_pid()));
            let command = command.unwrap_or_default().replace('\0', " ");
            // One that has just ended is what was wanted.
            let _ = kill_process(*pid, Signal::KILL);
            killed.push(format!("{} {}", pid.as_raw_pid(), command.trim_end()));
        }
        killed.join(", ")
    }

    fn children() -> Vec<Pid> {
        let own = format!("PPid:\t{}", getpid().as_raw_pid());
        fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
                let status = fs::read_to_string(entry.path().join("status")).ok()?;
                status.lines().any(|line| line == own).then_some(pid)
            })
            .collect()
    }
}
