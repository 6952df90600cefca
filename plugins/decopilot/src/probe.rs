//! Is the service there, and does it take the key?

use hostler_sdk::{Error, Result, Status};

use crate::{
    refusal::{Asked, Refusal},
    service::{Config, Service, Unset},
};

/// Asks which models the key may use.
///
/// # Errors
/// `Denied` when the operator has not granted the host or the secret, `Invalid`
/// for a configuration that makes no sense.
pub(crate) fn probe() -> Result<Status> {
    let service = match Config::read()?.service() {
        Ok(service) => service,
        Err(unset) => return Ok(Status::missing(not_configured(&unset)).fix(CONFIGURE)),
    };
    let response = match service.probe().send() {
        Ok(response) => response,
        Err(error @ Error::Denied(_)) => return Err(error),
        Err(error) if error.to_string().contains("secret") => {
            return Ok(no_key(&service, format!("there is no API key: {error}")));
        }
        Err(error) => {
            let detail = format!("{} could not be reached: {error}", service.base);
            return Ok(Status::broken(detail));
        }
    };
    if response.is_success() {
        let detail = format!("the key is taken by {} for {}", service.base, service.org);
        return Ok(Status::ready(detail));
    }
    let body = response.text().unwrap_or_default();
    let refusal = Refusal::new(response.status, &response.headers, &body);
    let failure = refusal.failure(Asked::Models, &service);
    Ok(match response.status {
        401 | 403 => no_key(&service, failure.message),
        _ => Status::broken(failure.message),
    })
}

fn no_key(service: &Service, detail: String) -> Status {
    let fix = format!("hostler secret set {}", service.secret);
    Status::not_logged_in(detail).fix(fix)
}

/// What mends a configuration that lacks something.
const CONFIGURE: &str = "set base_url, org and agent in [plugins.decopilot.config] of hostler.toml";

pub(crate) fn not_configured(unset: &Unset) -> String {
    format!("{} is not set in [plugins.decopilot.config]", unset.0)
}

/// The same for a session that cannot begin.
pub(crate) fn cannot_begin(unset: &Unset) -> String {
    format!(
        "Decopilot is not configured: {}; {CONFIGURE}",
        not_configured(unset)
    )
}
