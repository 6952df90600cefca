//! The host that is meant, and the lease of a session there.

use std::time::Duration;

use hostler_device::json::{Command, Outcome, Picture, Snapshot};
use serde::Serialize;
use tokio::time::timeout;

use super::{
    api::{Api, Ran, Refused},
    held::{Held, Memory},
};
use crate::{
    args::{DeviceArgs, HostArgs},
    client::{dial::Target, place::Place, text::one_line},
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
    plugin_cmd::print,
};

/// How long a command may take besides what it is told to take: one before it
/// may be at work, and a page may load.
const LIMIT: Duration = Duration::from_secs(60);

/// The longest: the host takes no more.
const LONGEST: Duration = Duration::from_secs(600);

/// A host, and what this user holds there.
#[derive(Debug, Clone)]
pub(crate) struct DeviceHost {
    pub(super) api: Api,
    pub(super) memory: Memory,
    place: Place,
}

impl DeviceHost {
    pub(super) fn of(args: &HostArgs) -> Result<Self, Failure> {
        let place = Place::of(args)?;
        let target = place.target()?;
        Self::new(place, target, args)
    }

    fn new(place: Place, target: Target, args: &HostArgs) -> Result<Self, Failure> {
        let bases = Bases::from_env();
        let storage = bases
            .storage(args.state.path.as_deref())
            .or_exit(Exit::Usage)?;
        let memory = Memory::new(&storage.state, name(&place, &target), &target.token);
        let api = Api { target };
        Ok(Self { api, memory, place })
    }

    /// The same host as it is reached now, if it is there.
    pub(super) fn again(&self) -> Option<Api> {
        let target = self.place.target().ok()?;
        Some(Api { target })
    }

    /// The same with the admin token, where this machine has it: for what an
    /// operator may.
    pub(super) fn as_operator(&self) -> Result<Api, Failure> {
        match &self.place {
            Place::Remote(_) => Ok(self.api.clone()),
            Place::Local(state) => {
                let config_dir = Bases::from_env().config_dir().or_exit(Exit::Usage)?;
                let target = Target::local_admin(state, &config_dir)?;
                Ok(Api { target })
            }
        }
    }
}

/// The same as long as it is the same host: one of this machine may listen on
/// another port each time.
fn name(place: &Place, target: &Target) -> String {
    match place {
        Place::Local(state) => state.display().to_string(),
        Place::Remote(_) => target.url.base(),
    }
}

/// What is held at the host of a profile.
pub(crate) fn memory_of(target: &Target) -> Result<Memory, Failure> {
    let storage = Bases::from_env().storage(None).or_exit(Exit::Usage)?;
    Ok(Memory::new(
        &storage.state,
        target.url.base(),
        &target.token,
    ))
}

/// Gives a lease back.
pub(crate) async fn release(target: &Target, held: &Held) -> Result<(), Failure> {
    let api = Api {
        target: target.clone(),
    };
    match api.release(&held.lease).await {
        Err(refused) if refused.is_over() => Ok(()),
        released => released.map_err(|refused| refused.failure),
    }
}

/// A session that has a device.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) host: DeviceHost,
    pub(super) held: Held,
    pub(super) json: bool,
}

impl Session {
    pub(super) fn of(args: &DeviceArgs) -> Result<Self, Failure> {
        let host = DeviceHost::of(&args.host)?;
        let Some(held) = host.memory.get(&args.session)? else {
            return Err(none(&args.session));
        };
        let json = args.json;
        Ok(Self { host, held, json })
    }

    /// Runs a command on the device.
    async fn run(&self, command: &Command) -> Result<Ran, Failure> {
        let limit = match command {
            Command::WaitIdle {
                timeout_ms: Some(ms),
            }
            | Command::Hold { ms, .. } => LIMIT + Duration::from_millis((*ms).into()),
            _ => LIMIT,
        };
        self.run_within(command, limit).await
    }

    async fn run_within(&self, command: &Command, limit: Duration) -> Result<Ran, Failure> {
        let ran = self
            .host
            .api
            .run(&self.held.lease, command, limit.min(LONGEST))
            .await;
        ran.map_err(|refused| self.refused(refused))
    }

    /// A lease that is over is forgotten.
    pub(super) fn refused(&self, refused: Refused) -> Failure {
        if refused.is_over() {
            let forgotten = self
                .host
                .memory
                .forget(&self.held.session, &self.held.lease);
            if let Err(error) = forgotten {
                return error.into();
            }
        }
        let over = refused.is_over();
        let failure = refused.told(self.json);
        if !over {
            return failure;
        }
        let message = format!(
            "{:#}: hostler device open {}",
            failure.error,
            one_line(&self.held.device, 200)
        );
        Failure::new(failure.exit, message)
    }

    /// A command that brings back JSON.
    pub(super) async fn outcome(&self, command: &Command) -> Result<Outcome, Failure> {
        match self.run(command).await? {
            Ran::Outcome(outcome) => Ok(outcome),
            Ran::Picture(_) => Err(odd()),
        }
    }

    /// What is on the screen, if the host can tell within `limit`.
    pub(super) async fn look(&self, limit: Duration) -> Result<Option<Snapshot>, Failure> {
        let limit = limit.min(LIMIT);
        let look = self.run_within(&Command::Snapshot {}, limit);
        match timeout(limit, look).await {
            Ok(Ok(Ran::Outcome(Outcome::Snapshot(screen)))) => Ok(Some(screen)),
            Ok(Ok(_)) => Err(odd()),
            Ok(Err(failure)) => Err(failure),
            // The host notices that nobody waits any more.
            Err(_) => Ok(None),
        }
    }

    /// A command that brings back bytes.
    pub(super) async fn picture(&self, command: &Command) -> Result<Picture, Failure> {
        match self.run(command).await? {
            Ran::Picture(picture) => Ok(picture),
            Ran::Outcome(_) => Err(odd()),
        }
    }
}

pub(super) fn odd() -> Failure {
    let message = "the host's answer is odd; are both of one version?";
    Failure::new(Exit::Failed, message)
}

pub(super) fn none(session: &str) -> Failure {
    let message = format!(
        "the session {session} holds no device: hostler device open SELECTOR (`hostler devices` shows \
         what there is; another session is meant by --session NAME)"
    );
    Failure::new(Exit::LeaseOver, message)
}

/// Prints an answer for programs.
pub(super) fn print_json(answer: &impl Serialize) -> Result<(), Failure> {
    use anyhow::Context as _;
    print(&serde_json::to_string_pretty(answer).context("the answer as JSON")?);
    Ok(())
}
