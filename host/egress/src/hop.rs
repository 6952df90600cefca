//! One request of a chain of redirects.

use bytes::Bytes;
use hostler_secret::Vault;
use http::{HeaderName, HeaderValue, Method, header};
use http_body_util::Full;
use url::Url;

use crate::{
    MAX_REDIRECTS, MAX_REQUEST_BYTES, Request, error::FetchError, grant::Allowed, headers,
    redirect, target::Target, template,
};

/// A request on its way, as the next hop needs it.
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) target: Target,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Bytes,
}

impl Hop {
    pub(crate) fn first(request: Request) -> Result<Self, FetchError> {
        if request.redirects > MAX_REDIRECTS {
            return Err(FetchError::Invalid(format!(
                "{} redirects, at most {MAX_REDIRECTS}",
                request.redirects
            )));
        }
        if request.body.len() > MAX_REQUEST_BYTES {
            return Err(FetchError::Limit(format!(
                "a body of {} bytes, at most {MAX_REQUEST_BYTES}",
                request.body.len()
            )));
        }
        let method = Method::from_bytes(request.method.as_bytes())
            .ok()
            // One makes a tunnel, the other shows the filled-in headers.
            .filter(|method| *method != Method::CONNECT && *method != Method::TRACE)
            .ok_or_else(|| {
                FetchError::Invalid(format!("the method {:?} is not for here", request.method))
            })?;
        let (url, target) = Target::parse(&request.url).map_err(FetchError::Invalid)?;
        Ok(Self {
            method,
            url,
            target,
            headers: headers::check(request.headers)?,
            body: request.body,
        })
    }

    pub(crate) fn next(
        self,
        status: http::StatusCode,
        url: Result<Url, String>,
    ) -> Result<Self, FetchError> {
        let bad =
            |why: String| FetchError::Other(format!("{} redirects to nowhere: {why}", self.target));
        let url = url.map_err(bad)?;
        let target = Target::of(&url).map_err(bad)?;
        let (method, with_body) = redirect::method(status, &self.method);
        let mut headers = self.headers;
        if target != self.target {
            redirect::keep_carried(&mut headers);
        }
        if !with_body {
            redirect::drop_content(&mut headers);
        }
        Ok(Self {
            method,
            url,
            target,
            headers,
            body: if with_body { self.body } else { Bytes::new() },
        })
    }

    pub(crate) async fn request(
        &self,
        allowed: &Allowed<'_>,
        vault: &Vault,
    ) -> Result<http::Request<Full<Bytes>>, FetchError> {
        let mut path = self.url.path().to_owned();
        if let Some(query) = self.url.query() {
            path.push('?');
            path.push_str(query);
        }
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(path)
            .header(header::HOST, self.target.authority())
            .body(Full::new(self.body.clone()))
            .map_err(|error| FetchError::Invalid(format!("the URL cannot be sent: {error}")))?;
        let headers = request.headers_mut();
        for (name, value) in &self.headers {
            let value = template::fill(value, allowed, vault).await?;
            headers.append(name.clone(), value);
        }
        let default = |name, value| (name, HeaderValue::from_static(value));
        for (name, value) in [
            default(header::ACCEPT, "*/*"),
            default(header::ACCEPT_ENCODING, "identity"),
            default(
                header::USER_AGENT,
                concat!("hostler/", env!("CARGO_PKG_VERSION")),
            ),
        ] {
            headers.entry(name).or_insert(value);
        }
        // Servers wait for a body of these that is not said to be empty.
        let expects = [Method::POST, Method::PUT, Method::PATCH].contains(&self.method);
        if expects || !self.body.is_empty() {
            headers.insert(header::CONTENT_LENGTH, self.body.len().into());
        }
        Ok(request)
    }
}
