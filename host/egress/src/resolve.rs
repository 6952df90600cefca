use std::{fmt, future::Future, io, net::IpAddr, pin::Pin};

/// What [`Resolve::resolve`] returns.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// From a name to its addresses. Called for every request; its answers are
/// checked, and what was checked is dialled.
pub trait Resolve: fmt::Debug + Send + Sync + 'static {
    /// All addresses of a name, those to be tried first in front. Literal
    /// addresses do not come here.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// Asks the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
