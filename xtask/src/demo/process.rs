//! What a child process says, and its end.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ExitStatus},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

/// Between two looks whether a process has ended.
const LOOK: Duration = Duration::from_millis(20);

/// The lines of a process; reading goes on until its end, so that it never waits
/// for a reader.
pub(super) fn lines(output: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in output
            .into_iter()
            .flat_map(|output| BufReader::new(output).lines())
        {
            let Ok(line) = line else { break };
            // Nobody listens any more once the host is ready.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// How the process ended; one that takes longer is killed, and that is none.
pub(super) fn within(limit: Duration, child: &mut Child) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(LOOK);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_that_takes_too_long_is_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(within(Duration::ZERO, &mut child).unwrap(), None);
        assert!(child.try_wait().unwrap().is_some());
    }
}
