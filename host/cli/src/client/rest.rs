//! A host's REST interface.

use anyhow::Context as _;
use hostler_auth::Fingerprint;
use hostler_wire::codes;
use hyper::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    address::Address,
    dial::{Target, open},
    http,
};
use crate::exit::{Exit, Failure};

/// What every token may ask for.
const DESCRIBED: &str = "/openapi.json";

/// What the host answers a request that it refuses.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    code: String,
    message: String,
}

impl Target {
    /// Sends a request of the REST interface and reads its answer.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<T, Failure> {
        let token = Some(self.token.expose());
        call(&self.url, self.pin, &self.name, token, method, path, body).await
    }
}

impl Target {
    /// Whether the host is there and lets this token in, whatever that may do.
    pub(crate) async fn check(&self) -> Result<(), Failure> {
        let stream = open(&self.url, self.pin, &self.name).await?;
        let token = Some(self.token.expose());
        let asked = http::exchange(
            stream,
            &self.url,
            Method::GET,
            DESCRIBED,
            token,
            String::new(),
        );
        let (status, answer) = asked
            .await
            .with_context(|| format!("{} did not answer", self.name))?;
        // A host without a description has looked at the token before.
        if status.is_success() || status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        Err(refusal(status, &answer))
    }
}

/// A request of the REST interface, with a token or without.
pub(crate) async fn call<T: DeserializeOwned>(
    url: &Address,
    pin: Option<Fingerprint>,
    name: &str,
    token: Option<&str>,
    method: Method,
    path: &str,
    body: Option<serde_json::Value>,
) -> Result<T, Failure> {
    let stream = open(url, pin, name).await?;
    let body = body.map_or_else(String::new, |body| body.to_string());
    let (status, answer) = http::exchange(stream, url, method, path, token, body)
        .await
        .with_context(|| format!("{name} did not answer"))?;
    if !status.is_success() {
        return Err(refusal(status, &answer));
    }
    serde_json::from_slice(&answer)
        .with_context(|| format!("the answer of {name} is odd; are both of one version?"))
        .map_err(Failure::from)
}

/// What a refusal means, in the host's own words.
pub(crate) fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let refusal = serde_json::from_slice::<Refusal>(body);
    let going = |error: &RefusalError| error.code == codes::SHUTTING_DOWN.name;
    // What goes away, is full or stands before a host that is not there says
    // something else later.
    let exit = if status.is_server_error() || refusal.as_ref().is_ok_and(|r| going(&r.error)) {
        Exit::NoHost
    } else {
        Exit::Refused
    };
    let message = match refusal {
        Ok(Refusal { error }) => format!("the host refused: {}", error.message),
        Err(_) => format!("the host refused the connection: {status}"),
    };
    Failure::new(exit, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Failure {
        refusal(StatusCode::UNAUTHORIZED, body.as_bytes())
    }

    #[test]
    fn a_refusal_is_told_in_the_hosts_own_words() {
        let body = r#"{"error":{"code":"UNAUTHORIZED","message":"the token is wrong"}}"#;
        let told = refused(body);
        assert_eq!(
            told.error.to_string(),
            "the host refused: the token is wrong"
        );
        assert_eq!(told.exit, Exit::Refused);
        let told = refused("<html>");
        assert_eq!(
            told.error.to_string(),
            "the host refused the connection: 401 Unauthorized"
        );
        assert_eq!(told.exit, Exit::Refused);
    }

    #[test]
    fn a_host_that_is_stopping_is_no_host() {
        let body = r#"{"error":{"code":"SHUTTING_DOWN","message":"this host is stopping"}}"#;
        assert_eq!(refused(body).exit, Exit::NoHost);
    }

    #[test]
    fn a_host_that_cannot_now_is_no_host_whatever_it_says() {
        let full = r#"{"error":{"code":"TOO_MANY","message":"there are too many connections"}}"#;
        let told = refusal(StatusCode::SERVICE_UNAVAILABLE, full.as_bytes());
        assert_eq!(told.exit, Exit::NoHost);
        assert!(told.error.to_string().contains("too many"));
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, b"").exit, Exit::NoHost);
    }
}
