//! Which addresses may be called: names are judged by what they resolve to when the connection is made.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use hyper_util::client::legacy::connect::dns::Name;

/// Whether an address is everybody's, and not of a private network, of this machine or of its cloud
/// (SSR-01).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        // Carriers' own networks, protocol assignments, benchmarks.
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (18..20).contains(&second)))
}

/// Only the addresses that are given out, without those that hold one of IPv4's.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let documentation = first == 0x2001 && second == 0x0db8;
    let holds_v4 = first == 0x2002 || (first == 0x2001 && second == 0);
    (first & 0xe000) == 0x2000 && !documentation && !holds_v4
}

/// Looks a name up; nothing of it is used unless all of it may be.
pub(crate) async fn resolve(
    name: Name,
    private: bool,
) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
    let found: Vec<SocketAddr> = found.collect();
    if private || found.iter().all(|address| is_public(address.ip())) {
        return Ok(found.into_iter());
    }
    Err(io::Error::other(
        "the name leads into a private network; set `private = true` for this issuer if that is meant",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssr_01_private_addresses_are_told_in_every_spelling() {
        for public in ["1.1.1.1", "140.82.121.4", "100.63.0.1", "2606:4700::1111"] {
            assert!(public.parse().is_ok_and(is_public), "{public}");
        }
        for private in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
        ] {
            let address: IpAddr = private.parse().expect("an address");
            assert!(!is_public(address), "{private}");
        }
    }
}
