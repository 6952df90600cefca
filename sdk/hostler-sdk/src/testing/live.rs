use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use ureq::http;

use super::Outside;
use crate::http::{Content, Request, Response};
use crate::process::{Command, Exit, Output};
use crate::{Blob, Error, Result};

/// The contract's bound of a response.
const MAX_BODY: u64 = 64 << 20;
/// How long a service has to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// This machine: requests to loopback are really made, programs really run. For
/// tests with a real endpoint; grants, secrets and redirects are not part of it.
/// Services end with it.
#[derive(Debug)]
pub struct Live {
    agent: ureq::Agent,
    services: BTreeMap<String, Service>,
    began: Instant,
}

#[derive(Debug)]
struct Service {
    command: Command,
    ready: String,
    child: Child,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Nothing runs yet.
    pub fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .build();
        Self {
            agent: config.into(),
            services: BTreeMap::new(),
            began: Instant::now(),
        }
    }
}

impl Outside for Live {
    fn fetch(&mut self, request: &Request<'_>) -> Result<Response> {
        let body = match &request.content {
            Content::Nothing => Vec::new(),
            Content::Bytes(bytes) => bytes.clone(),
            Content::Blob(blob) => blob.bytes()?,
        };
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let built = builder.body(body).map_err(invalid)?;
        let host = built.uri().host().unwrap_or_default();
        if !["127.0.0.1", "localhost", "[::1]"].contains(&host) {
            return Err(Error::Denied(format!("{host} is not loopback")));
        }
        let configured = self.agent.configure_request(built);
        let sendable = configured.timeout_global(Some(request.timeout)).build();
        let mut answer = self.agent.run(sendable).map_err(|error| match error {
            ureq::Error::Timeout(_) => {
                Error::Limit(format!("no response in {} ms", request.timeout.as_millis()))
            }
            other => Error::other(other.to_string()),
        })?;
        let mut data = Vec::new();
        let reader = answer.body_mut().as_reader();
        reader
            .take(MAX_BODY + 1)
            .read_to_end(&mut data)
            .map_err(|error| Error::other(error.to_string()))?;
        if data.len() as u64 > MAX_BODY {
            return Err(Error::Limit(format!("a response over {MAX_BODY} bytes")));
        }
        let headers = answer.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Ok(Response {
            status: answer.status().as_u16(),
            headers: headers.collect(),
            body: Blob::new(&data)?,
        })
    }

    fn run(&mut self, command: &Command, _timeout_ms: u32) -> Result<Output> {
        let output = native(command).output().map_err(not_found)?;
        Ok(Output {
            exit: Exit {
                code: output.status.code(),
                signal: None,
            },
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn service_start(
        &mut self,
        name: &str,
        command: &Command,
        ready: &str,
        timeout_ms: u32,
    ) -> Result<String> {
        if let Some(service) = self.services.get_mut(name) {
            let runs = matches!(service.child.try_wait(), Ok(None));
            if runs && service.command == *command {
                return Ok(service.ready.clone());
            }
        }
        self.service_stop(name)?;
        let mut child = native(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(not_found)?;
        let (send, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(|line| line.ok()) {
                    // Read on when nobody listens: a full pipe would stop it.
                    let _ = send.send(line);
                }
            });
        }
        let until = Instant::now() + Duration::from_millis(timeout_ms.into());
        let line = loop {
            let left = until.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) if line.contains(ready) => break line,
                Ok(_) => {}
                Err(_) => {
                    end(&mut child);
                    return Err(Error::Limit(format!("{name} did not print {ready:?}")));
                }
            }
        };
        self.services.insert(
            name.to_owned(),
            Service {
                command: command.clone(),
                ready: line.clone(),
                child,
            },
        );
        Ok(line)
    }

    fn service_stop(&mut self, name: &str) -> Result {
        if let Some(mut service) = self.services.remove(name) {
            end(&mut service.child);
        }
        Ok(())
    }

    fn sleep(&mut self, ms: u32) -> Result {
        thread::sleep(Duration::from_millis(ms.into()));
        Ok(())
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for service in self.services.values_mut() {
            end(&mut service.child);
        }
    }
}

/// Kindly, so that it ends what it started; then all of its group.
fn end(child: &mut Child) {
    let group = Pid::from_child(child);
    let _ = kill_process_group(group, Signal::TERM);
    let until = Instant::now() + GRACE;
    while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(10));
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

fn native(command: &Command) -> std::process::Command {
    let mut native = std::process::Command::new(&command.program);
    native.args(&command.args);
    native.envs(command.env.iter().map(|(name, value)| (name, value)));
    native
}

fn not_found(error: std::io::Error) -> Error {
    Error::NotFound(error.to_string())
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::Invalid(error.to_string())
}
