//! Who sent a request: the peer, or what a configured proxy says (SGN-07, HDR-04).

use std::net::{IpAddr, SocketAddr};

use claviger_model::network::Requester;
use http::{HeaderMap, header};
use ipnet::IpNet;

/// The longest `User-Agent` worth keeping.
const AGENT: usize = 256;

/// The requester behind `peer`. The header is read from the right, as far as proxies of ours
/// wrote it; what cannot be read leaves the last address that could.
pub(crate) fn of(headers: &HeaderMap, peer: SocketAddr, proxies: &[IpNet]) -> Requester {
    let mut address = peer.ip().to_canonical();
    // Every line counts, whatever a stranger wrote at its beginning.
    let lines: Vec<_> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    let hops = lines.iter().flat_map(|line| line.split(','));
    for hop in hops.rev() {
        if !is_trusted(proxies, address) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(before) => address = before.to_canonical(),
            Err(_) => break,
        }
    }
    Requester {
        address,
        user_agent: agent(headers),
    }
}

/// Whether `address` is one of the proxies.
pub(crate) fn is_trusted(proxies: &[IpNet], address: IpAddr) -> bool {
    proxies.iter().any(|net| net.contains(&address))
}

fn agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(AGENT).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn sgn_07_only_configured_proxies_are_believed() {
        let proxies = ["10.0.0.0/8".parse::<IpNet>().expect("net")];
        let rows = [
            ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "a", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9, x", "10.0.0.1"),
            ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ];
        for (peer, forwarded, expected) in rows {
            let value = HeaderValue::from_str(forwarded).expect("header");
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static("x-forwarded-for"), value)]);
            let peer = SocketAddr::new(peer.parse().expect("address"), 1);
            let requester = of(&headers, peer, &proxies);
            assert_eq!(
                requester.address.to_string(),
                expected,
                "{peer} {forwarded}"
            );
        }
    }
}
