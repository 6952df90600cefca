//! Which addresses are not of the public internet.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Addresses of the services that tell a cloud machine its credentials: AWS,
/// Google, Azure and others; AWS over IPv6; Alibaba; Oracle; Azure's agent.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

/// The blocks of IPv4 that are not of the public internet: the IANA special
/// purpose registry, and multicast.
const SPECIAL_V4: [(Ipv4Addr, u8, &str); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a carrier"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 31, 196, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 52, 193, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a 6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// The same for IPv6, the narrower ones first. The last takes all that is not
/// global unicast, 2000::/3.
const SPECIAL_V6: [(Ipv6Addr, u8, &str); 17] = [
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (v6([0, 0, 0, 0, 0, 0xffff]), 96, "an IPv4-mapped address"),
    (v6([0; 6]), 96, "an IPv4-compatible address"),
    (v6([0x64, 0xff9b, 0, 0, 0, 0]), 96, "a NAT64 address"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0]), 48, "a local NAT64 address"),
    (v6([0xfe80, 0, 0, 0, 0, 0]), 10, "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0]), 10, "site-local"),
    (v6([0xfc00, 0, 0, 0, 0, 0]), 7, "private"),
    (v6([0xff00, 0, 0, 0, 0, 0]), 8, "multicast"),
    (v6([0x2001, 0, 0, 0, 0, 0]), 32, "a Teredo address"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0]), 32, "for documentation"),
    (v6([0x2001, 0, 0, 0, 0, 0]), 23, "reserved"),
    (v6([0x2002, 0, 0, 0, 0, 0]), 16, "a 6to4 address"),
    (v6([0x3fff, 0, 0, 0, 0, 0]), 20, "for documentation"),
    (v6([0, 0, 0, 0, 0, 0]), 3, "reserved"),
    (v6([0x4000, 0, 0, 0, 0, 0]), 0, "reserved"),
];

const fn v6(s: [u16; 6]) -> Ipv6Addr {
    let [a, b, c, d, e, f] = s;
    Ipv6Addr::new(a, b, c, d, e, f, 0, 0)
}

/// What an address is, if it is not one of the public internet.
pub(crate) fn special(address: IpAddr) -> Option<&'static str> {
    if is_metadata(address) {
        return Some("the metadata service of a cloud");
    }
    match address {
        IpAddr::V4(address) => {
            let bits = u32::from(address);
            let found = SPECIAL_V4.iter().find(|(block, len, _)| {
                let rest = 32 - u32::from(*len);
                (bits ^ u32::from(*block)).checked_shr(rest).unwrap_or(0) == 0
            });
            found.map(|(_, _, what)| *what)
        }
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let global = bits >> 125 == 1;
            let found = SPECIAL_V6.iter().find(|(block, len, _)| {
                let rest = 128 - u32::from(*len);
                let same = (bits ^ u128::from(*block)).checked_shr(rest).unwrap_or(0) == 0;
                same && !(global && *len == 0)
            });
            found.map(|(_, _, what)| *what)
        }
    }
}

/// Whether it is such an address, or a tunnel to one.
pub(crate) fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address.to_canonical())
}

/// A block of addresses: `127.0.0.1/32`, `fd00::/8`, or one address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

impl Network {
    /// Whether the block grants this address. An IPv4 address that is written
    /// as an IPv6 one is not the IPv4 address; and the metadata service of a
    /// cloud is granted by its own address alone, not by a block around it.
    pub fn grants(&self, address: IpAddr) -> bool {
        let whole = self.0.prefix_len() == self.0.max_prefix_len();
        self.0.contains(&address) && (whole || !is_metadata(address))
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse::<IpNet>().ok();
        net.or_else(|| Some(text.parse::<IpAddr>().ok()?.into()))
            .map(|net| Self(net.trunc()))
            .ok_or_else(|| {
                format!("`{text}` is no block of addresses, such as 127.0.0.1/32 or fd00::/8")
            })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
