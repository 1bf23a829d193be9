//! TLS of the public listener: rustls, from files or from a throw-away authority.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use crate::config::settings::TlsFiles;

/// The acceptor of a certificate chain and its key in PEM files.
pub(crate) fn from_files(files: &TlsFiles) -> anyhow::Result<TlsAcceptor> {
    let chain = certificates(&files.cert)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).with_context(|| cannot(&files.key))?;
    acceptor(chain, key).with_context(|| {
        format!(
            "{} and {} do not belong together",
            files.cert.display(),
            files.key.display()
        )
    })
}

/// The certificates of a PEM file.
pub(crate) fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| cannot(path))
}

fn cannot(path: &Path) -> String {
    format!("{} cannot be used for TLS", path.display())
}

/// A throw-away authority's certificate in PEM, and an acceptor for this machine that it vouches
/// for.
pub(crate) fn throw_away() -> anyhow::Result<(String, TlsAcceptor)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "Claviger dev, throw-away authority");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority = params.self_signed(&authority_key)?;
    let issuer = Issuer::new(params, authority_key);
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let acceptor = acceptor(vec![certificate.der().clone()], key)?;
    Ok((authority.pem(), acceptor))
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<TlsAcceptor> {
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tokio_rustls::rustls::{Error, ServerConnection};

    use super::*;

    const TLS_1_0: u16 = 0x0301;
    const TLS_1_1: u16 = 0x0302;
    const TLS_1_2: u16 = 0x0303;

    /// ECDHE with ECDSA and AES-128-GCM.
    const STRONG: u16 = 0xc02b;

    /// RC4, 3DES and CBC, with and without forward secrecy.
    const WEAK: [u16; 9] = [
        0x0005, 0x000a, 0x002f, 0x0035, 0x003c, 0xc009, 0xc013, 0xc011, 0xc012,
    ];

    /// `content` behind its length in `width` bytes.
    fn behind(width: usize, content: &[u8]) -> Vec<u8> {
        let length = content.len().to_be_bytes();
        [&length[length.len() - width..], content].concat()
    }

    /// A ClientHello up to TLS 1.2 in one record (RFC 5246 §7.4.1.2), of P-256 and its signatures.
    fn hello(version: u16, suites: &[u16]) -> Vec<u8> {
        let suites: Vec<u8> = suites
            .iter()
            .flat_map(|suite| suite.to_be_bytes())
            .collect();
        let extension = |number: u16, content: &[u8]| {
            [number.to_be_bytes().to_vec(), behind(2, content)].concat()
        };
        let extensions = [
            extension(0x000a, &behind(2, &[0x00, 0x17])),
            extension(0x000b, &behind(1, &[0x00])),
            extension(0x000d, &behind(2, &[0x04, 0x03])),
            extension(0x0017, &[]),
        ]
        .concat();
        let body = [
            &version.to_be_bytes()[..],
            &[7; 32],
            &behind(1, &[]),
            &behind(2, &suites),
            &behind(1, &[0]),
            &behind(2, &extensions),
        ]
        .concat();
        let handshake = [vec![1], behind(3, &body)].concat();
        [vec![0x16, 0x03, 0x01], behind(2, &handshake)].concat()
    }

    /// What the acceptor that serves says to a first flight.
    fn accepts(flight: &[u8]) -> Result<(), Error> {
        let (_, acceptor) = throw_away().expect("an acceptor");
        let config = Arc::clone(acceptor.config());
        let mut connection = ServerConnection::new(config).expect("a connection");
        connection.read_tls(&mut Cursor::new(flight)).expect("read");
        connection.process_new_packets().map(|_| ())
    }

    #[test]
    fn hdr_01_old_versions_and_weak_ciphers_are_refused() {
        assert_eq!(accepts(&hello(TLS_1_2, &[STRONG])), Ok(()));
        for version in [0x0300, TLS_1_0, TLS_1_1] {
            let refused = accepts(&hello(version, &[STRONG]));
            assert!(refused.is_err(), "{version:04x}");
        }
        assert!(accepts(&hello(TLS_1_2, &WEAK)).is_err());
        for suite in WEAK {
            assert!(accepts(&hello(TLS_1_2, &[suite])).is_err(), "{suite:04x}");
        }
    }

    #[test]
    fn hdr_01_nothing_is_sent_or_taken_before_the_handshake_is_done() {
        let (_, acceptor) = throw_away().expect("an acceptor");
        let config = acceptor.config();
        assert_eq!(config.max_early_data_size, 0);
        assert!(!config.send_half_rtt_data);
    }
}
