//! Methods of extensions, `_vendor/thing`, in both directions: what they mean,
//! clients and the agent know.

use hostler_sdk::{Error, Result, client, log};
use serde_json::value::RawValue;

use crate::AcpAgent;
use crate::link::Stage;
use crate::message::{session_of, with_session};
use crate::outgoing::{self, Waiting};

/// Begins the names of the host's own, which are no business of the agent's.
const OWN: &str = "_hostler";

/// Such a method is passed on.
pub(crate) fn is_extension(method: &str) -> bool {
    method.starts_with('_') && !is_own(method)
}

/// It is the host's.
pub(crate) fn is_own(method: &str) -> bool {
    method.starts_with(OWN)
}

/// What a client sent, for the agent: it knows the session under its own id.
pub(crate) fn scoped(params: &str, session: &str) -> Result<Box<RawValue>> {
    match session_of(params) {
        Some(_) => with_session(params, session),
        None => Ok(RawValue::from_string(params.to_owned())?),
    }
}

impl AcpAgent {
    /// The agent has something to tell clients.
    pub(crate) fn tell_clients(&mut self, line: &str, method: &str, params: &str) -> Result {
        if self.is_foreign(session_of(params).as_deref()) {
            log::debug(format_args!("{method} of another session was skipped"));
            return Ok(());
        }
        match client::notify_raw(method, params) {
            Err(Error::Invalid(_)) => self.garbage(line),
            Err(Error::Limit(why)) => {
                log::warn(format_args!("{method} was left out: {why}"));
                self.complain(
                    "sent a notification of an extension that is too large; it was left out",
                )
            }
            done => done,
        }
    }

    /// A client has something to tell the agent. One that does not run is told
    /// nothing: the next one has never been in what it is about.
    pub(crate) fn tell_agent(&mut self, method: String, params: String) -> Result {
        match (&mut self.link, &self.session) {
            (Some(link), Some(session)) if link.stage == Stage::Ready => {
                let params = scoped(&params, session)?;
                match link.notify(&method, params) {
                    Err(Error::NotFound(why)) => {
                        log::debug(format_args!("{method} came too late: {why}"));
                        Ok(())
                    }
                    done => done,
                }
            }
            (Some(_), _) => {
                let kept = self.wait(Waiting::Notify { method, params });
                outgoing::fail(None, kept)
            }
            (None, _) => {
                log::debug(format_args!(
                    "{method} was left out: the agent does not run"
                ));
                Ok(())
            }
        }
    }
}
