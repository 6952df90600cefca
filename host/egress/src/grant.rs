use std::net::IpAddr;

use hostler_secret::SecretName;
use serde::{Deserialize, Serialize};

use crate::{
    address::{Network, special},
    pattern::HostPattern,
    target::{Scheme, Target},
};

/// `[[plugins.ID.grants.http]]`: some hosts, and what may be done with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpGrant {
    /// To whom requests may go.
    pub hosts: Vec<HostPattern>,
    /// With which methods; all, if none is listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Addresses that these hosts may have although they are loopback, private,
    /// link-local or reserved. Those of the public internet need no entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Network>,
    /// Secrets that may be filled in for these hosts: over https, and over http
    /// only where `hosts` says `http://`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretName>,
}

/// The grants that allow a request to a target. Denials are sentences.
#[derive(Debug)]
pub(crate) struct Allowed<'a> {
    plugin: &'a str,
    target: &'a Target,
    grants: Vec<&'a HttpGrant>,
}

impl<'a> Allowed<'a> {
    pub(crate) fn find(
        plugin: &'a str,
        grants: &'a [HttpGrant],
        target: &'a Target,
        method: &str,
    ) -> Result<Self, String> {
        let names = |grant: &HttpGrant| grant.hosts.iter().any(|host| host.matches(target));
        let named: Vec<_> = grants.iter().filter(|grant| names(grant)).collect();
        let does = |grant: &HttpGrant| {
            grant.methods.is_empty() || grant.methods.iter().any(|allowed| allowed == method)
        };
        let grants: Vec<_> = named.iter().copied().filter(|grant| does(grant)).collect();
        if !grants.is_empty() {
            return Ok(Self {
                plugin,
                target,
                grants,
            });
        }
        Err(if named.is_empty() {
            format!(
                "a request to {target} is not granted; to allow it, add to hostler.toml: \
                 [[plugins.{plugin}.grants.http]] hosts = [\"{target}\"]"
            )
        } else {
            format!(
                "the method {method} to {target} is not granted; to allow it, add \"{method}\" to \
                 `methods` of its [[plugins.{plugin}.grants.http]] in hostler.toml"
            )
        })
    }

    pub(crate) fn address(&self, address: IpAddr) -> Result<(), String> {
        let Some(what) = special(address) else {
            return Ok(());
        };
        let mut networks = self.grants.iter().flat_map(|grant| &grant.addresses);
        if networks.any(|network| network.grants(address)) {
            return Ok(());
        }
        let (target, plugin) = (self.target, self.plugin);
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Err(format!(
            "{target} has the address {address}, which is {what} and not granted; to allow it, \
             add \"{address}/{bits}\" to `addresses` of its [[plugins.{plugin}.grants.http]] in \
             hostler.toml"
        ))
    }

    pub(crate) fn secret(&self, name: &SecretName) -> Result<(), String> {
        let (target, plugin) = (self.target, self.plugin);
        let mut grants = self.grants.iter().filter(|g| g.secrets.contains(name));
        let Some(first) = grants.next() else {
            return Err(format!(
                "secret {name} is not granted for {target}; to allow it, add \"{name}\" to \
                 `secrets` of its [[plugins.{plugin}.grants.http]] in hostler.toml"
            ));
        };
        let plain = |grant: &HttpGrant| {
            let mut hosts = grant.hosts.iter();
            hosts.any(|host| host.is_plain() && host.matches(target))
        };
        if target.scheme == Scheme::Https || plain(first) || grants.any(|grant| plain(grant)) {
            return Ok(());
        }
        Err(format!(
            "secret {name} would go to {target} without TLS; to allow it, write \"{target}\" in \
             `hosts` of its [[plugins.{plugin}.grants.http]] in hostler.toml"
        ))
    }
}

#[cfg(test)]
mod tests;
