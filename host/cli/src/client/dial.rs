//! A host, here or elsewhere, and the WebSocket to it.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, anyhow};
use hostler_auth::{Fingerprint, LocalToken, Token};
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self,
        client::IntoClientRequest as _,
        http::{HeaderValue, header::AUTHORIZATION},
        protocol::WebSocketConfig,
    },
};

use super::{
    address::Address,
    halves::is_end,
    known_hosts::KnownHosts,
    rest::refusal,
    stream::{self, Stream, StreamError},
};
use crate::{
    exit::{Exit, Failure, OrExit as _},
    host_file::{self, Presence},
};

/// The largest message that is taken. A plugin may hand the host 64 MiB in one
/// call unless its limits say otherwise; the envelope comes on top.
const MAX_MESSAGE_BYTES: usize = 80 * 1024 * 1024;

/// How long the host may take to let a connection in: it only compares a token.
const ADMISSION: Duration = Duration::from_secs(10);

/// The way to a host.
pub(crate) type Socket = WebSocketStream<Stream>;

/// A host, and what is needed to be let in.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: Address,
    pub(crate) token: Token,
    /// The certificate that it must have; without it, one that this system
    /// trusts.
    pub(crate) pin: Option<Fingerprint>,
    /// For messages: which host.
    pub(crate) name: String,
}

impl Target {
    /// The host of a state directory, with the token that lies there.
    ///
    /// [`Exit::NoHost`]: there is none.
    pub(crate) fn local(state: &Path) -> Result<Self, Failure> {
        // Without a host its token does not matter.
        let running = running(state)?;
        let token = LocalToken::load(state).or_exit(Exit::Refused)?.token;
        Ok(running.with(token))
    }

    /// The same with the admin token of the folder where the config is.
    pub(crate) fn local_admin(state: &Path, config_dir: &Path) -> Result<Self, Failure> {
        let running = running(state)?;
        let token = LocalToken::load_admin(config_dir)
            .context("this needs the admin token")
            .or_exit(Exit::Refused)?
            .token;
        Ok(running.with(token))
    }

    /// A host by its address: one that was paired, or any with its `token`. A
    /// certificate stands in the fragment (`#cert=SHA256`) if nobody vouches for
    /// it.
    pub(crate) fn parse(
        url: &str,
        token: Option<&str>,
        known: &KnownHosts,
    ) -> Result<Self, Failure> {
        let url = Address::parse(url).or_exit(Exit::Usage)?;
        check_plain(&url)?;
        let base = url.base();
        let paired = known.get(&base);
        let token = match (token, paired) {
            (Some(token), _) => Token::parse(token).or_exit(Exit::Usage)?,
            (None, Some(paired)) => paired.token.clone(),
            (None, None) => {
                let message = format!(
                    "there is no token for {base}: pair with it (on its machine: hostler pair), or \
                     use --token-file or HOSTLER_TOKEN"
                );
                return Err(Failure::new(Exit::Usage, message));
            }
        };
        let pin = match fragment(&url, "cert") {
            Some(pin) => Some(pin.parse().or_exit(Exit::Usage)?),
            None => paired.and_then(|paired| paired.certificate),
        };
        Ok(Self {
            url,
            token,
            pin,
            name: base,
        })
    }
}

/// Connects, and is let in. `harness` chooses the plugin of the sessions made
/// here; without it the host does.
///
/// [`Exit::NoHost`]: it is not there, or about to go.
pub(crate) async fn dial(target: &Target, harness: Option<&str>) -> Result<Socket, Failure> {
    let stream = open(&target.url, target.pin, &target.name).await?;
    let scheme = if target.url.tls { "wss" } else { "ws" };
    let mut url = format!("{scheme}://{}/acp", target.url.authority());
    if let Some(harness) = harness {
        url.push_str("?harness=");
        url.push_str(harness);
    }
    let mut request = url
        .into_client_request()
        .with_context(|| format!("`{}` is no plugin id", harness.unwrap_or_default()))
        .or_exit(Exit::Usage)?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", target.token.expose()))
        .context("the token is not fit for a header")?;
    request.headers_mut().insert(AUTHORIZATION, bearer);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let admission = client_async_with_config(request, stream, Some(config));
    match timeout(ADMISSION, admission).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(response))) => {
            let (head, body) = response.into_parts();
            Err(refusal(head.status, &body.unwrap_or_default()))
        }
        Ok(Err(error)) => {
            // One that ends meanwhile: as good as gone.
            let exit = if is_end(&error) {
                Exit::NoHost
            } else {
                Exit::Failed
            };
            Err(anyhow!(error).context("the host did not take the connection")).or_exit(exit)
        }
        Err(_) => Err(anyhow!(
            "{} did not answer within {} seconds; it hangs, or another program has its address now",
            target.name,
            ADMISSION.as_secs()
        ))?,
    }
}

pub(crate) async fn open(
    url: &Address,
    pin: Option<Fingerprint>,
    name: &str,
) -> Result<Stream, Failure> {
    stream::open(url, pin).await.map_err(|error| {
        let exit = match error {
            StreamError::Connect(_) => Exit::NoHost,
            StreamError::OtherCertificate | StreamError::Tls(_) => Exit::Refused,
            StreamError::Silent | StreamError::Local(_) => Exit::Failed,
        };
        Failure::new(exit, format!("{name} cannot be reached: {error}"))
    })
}

/// A value of `#name=value&name=value`.
pub(crate) fn fragment<'a>(url: &'a Address, name: &str) -> Option<&'a str> {
    let mut pairs = url.fragment.as_deref()?.split('&');
    pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A token that anybody on the way can read is none for long.
pub(crate) fn check_plain(url: &Address) -> Result<(), Failure> {
    if url.tls || url.is_loopback() {
        return Ok(());
    }
    let message = format!(
        "{}: http:// would show the token to everybody on the way; use https://",
        url.base()
    );
    Err(Failure::new(Exit::Usage, message))
}

struct Running {
    url: Address,
    pin: Option<Fingerprint>,
    name: String,
}

impl Running {
    fn with(self, token: Token) -> Target {
        Target {
            url: self.url,
            token,
            pin: self.pin,
            name: self.name,
        }
    }
}

fn running(state: &Path) -> Result<Running, Failure> {
    let shown = state.display();
    let host = match host_file::presence(state)? {
        Presence::Running(host) => host,
        Presence::Unannounced => {
            let message = format!(
                "the host with the state directory {shown} is just starting or stopping; try again \
                 in a moment"
            );
            return Err(Failure::new(Exit::NoHost, message));
        }
        Presence::Absent => {
            let message = format!(
                "no host is running with the state directory {shown}; start one: hostler serve"
            );
            return Err(Failure::new(Exit::NoHost, message));
        }
    };
    let url = Address::parse(&host.url()).context("host.json has an odd address")?;
    let pin = host.certificate.as_deref().map(str::parse).transpose();
    Ok(Running {
        name: format!("the host of {shown} (process {}, {})", host.pid, host.url()),
        url,
        pin: pin.context("host.json has an odd certificate")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> String {
        "A".repeat(43)
    }

    #[test]
    fn an_address_needs_a_token_from_somewhere_and_no_one_on_the_way() {
        let none = KnownHosts::default();
        let failure = Target::parse("https://box:1", None, &none).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.error.to_string().contains("HOSTLER_TOKEN"));
        let failure = Target::parse("http://box:1", Some(&token()), &none).unwrap_err();
        assert!(failure.error.to_string().contains("https://"));
        Target::parse("http://127.0.0.1:1", Some(&token()), &none).unwrap();
        let pin = Fingerprint::of(b"x");
        let url = format!("https://box:1#cert={pin}");
        let target = Target::parse(&url, Some(&token()), &none).unwrap();
        assert_eq!(target.pin, Some(pin));
        let failure = Target::parse("https://box#cert=12", Some(&token()), &none).unwrap_err();
        assert!(failure.error.to_string().contains("64 hexadecimal"));
    }

    #[test]
    fn parts_of_a_fragment_are_found_by_their_whole_name() {
        let url = Address::parse("https://h#pairs=1&pair=2&cert=").unwrap();
        assert_eq!(fragment(&url, "pair"), Some("2"));
        assert_eq!(fragment(&url, "cert"), Some(""));
        assert_eq!(fragment(&url, "c"), None);
    }
}
