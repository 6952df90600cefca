//! The output of a command as a value.

use std::{process::Stdio, time::Duration};

use tokio::{io::AsyncReadExt as _, process::Command};

use crate::{SecretError, SecretValue, value::MAX_VALUE_BYTES};

/// How long a command may take: some ask a person to unlock something.
const TIME: Duration = Duration::from_secs(60);

/// Runs `words` and takes what they print.
pub(crate) async fn run(name: &str, words: &[String]) -> Result<SecretValue, SecretError> {
    let program = words.first().map_or("", String::as_str);
    let failed = |reason: String| SecretError::Command {
        name: name.to_owned(),
        program: program.to_owned(),
        reason,
    };
    let mut child = Command::new(program)
        .args(words.iter().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // What it says there may contain the secret.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let stdout = child.stdout.take();
    let work = async {
        let mut bytes = Vec::with_capacity(1024);
        if let Some(stdout) = stdout {
            // One byte more to see that it is too long, and room for a line end.
            let mut head = stdout.take(MAX_VALUE_BYTES as u64 + 3);
            head.read_to_end(&mut bytes).await?;
        }
        Ok::<_, std::io::Error>((bytes, child.wait().await?))
    };
    let (mut bytes, status) = tokio::time::timeout(TIME, work)
        .await
        .map_err(|_| failed(format!("did not end within {} s", TIME.as_secs())))?
        .map_err(|error| failed(format!("cannot be read: {error}")))?;
    // One that prints too much was cut off, and so it failed.
    if !status.success() && bytes.len() <= MAX_VALUE_BYTES + 2 {
        return Err(failed(format!(
            "failed ({status}); run it by hand to see why"
        )));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    SecretValue::new(name, bytes)
}
