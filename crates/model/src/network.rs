//! Where a request came from, as far as judgements need it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network part of an address: /24 of IPv4, /56 of IPv6. What throttles count by and what
/// the refresh rules compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkPrefix(IpAddr);

impl NetworkPrefix {
    /// The prefix that `address` belongs to; an IPv4-mapped IPv6 address counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Self(IpAddr::V4(Ipv4Addr::new(a, b, c, 0)))
            }
            IpAddr::V6(v6) => {
                let mut octets = v6.octets();
                octets.iter_mut().skip(7).for_each(|octet| *octet = 0);
                Self(IpAddr::V6(Ipv6Addr::from(octets)))
            }
        }
    }
}

impl std::fmt::Display for NetworkPrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(f, "{v4}/24"),
            IpAddr::V6(v6) => write!(f, "{v6}/56"),
        }
    }
}

/// Who sent a request: the peer, or what a trusted proxy says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The address.
    pub address: IpAddr,
    /// The `User-Agent` header, cut to 256 bytes; shown to people, decides nothing.
    pub user_agent: Option<String>,
}

impl Requester {
    /// The network the request came from.
    pub fn network(&self) -> NetworkPrefix {
        NetworkPrefix::of(self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_joins_neighbours_and_parts_strangers() {
        let prefix = |text: &str| NetworkPrefix::of(text.parse().expect("an address"));
        assert_eq!(prefix("192.0.2.1"), prefix("192.0.2.254"));
        assert_ne!(prefix("192.0.2.1"), prefix("192.0.3.1"));
        assert_eq!(prefix("::ffff:192.0.2.1"), prefix("192.0.2.9"));
        assert_eq!(prefix("2001:db8:0:100::1"), prefix("2001:db8:0:1ff::9"));
        assert_ne!(prefix("2001:db8:0:100::1"), prefix("2001:db8:0:200::1"));
        assert_eq!(prefix("192.0.2.7").to_string(), "192.0.2.0/24");
    }
}
