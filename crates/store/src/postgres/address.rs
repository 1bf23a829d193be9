//! Where a PostgreSQL store is, in the words of libpq.

use std::{fmt, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use percent_encoding::percent_decode_str;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// What is wrong with an address; never the address, which holds a password.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Not in libpq's form.
    #[error(
        "the store's address is not understood ({0}); write postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    Malformed(String),
    /// A value of `sslmode` that promises what it does not keep.
    #[error(
        "sslmode={0} would go on without TLS, or without knowing the server; write sslmode=verify-full, \
         or sslmode=disable where the way to the server is safe"
    )]
    Unsafe(String),
    /// The certificates to know the server by.
    #[error("{0}")]
    Certificates(String),
}

/// The address of a store: one database, at one server or at several of which one is the primary.
#[derive(Clone)]
pub struct Address {
    /// One for each host.
    pub(super) hosts: Vec<Config>,
    config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl fmt::Debug for Address {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The servers and the database: nothing secret.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate();
        let hosts = hosts.map(|(position, host)| {
            let port = ports.get(position).or_else(|| ports.first());
            match host {
                Host::Tcp(name) => format!("{name}:{}", port.copied().unwrap_or(5432)),
                Host::Unix(path) => path.display().to_string(),
            }
        });
        let database = self.config.get_dbname().unwrap_or_default();
        let hosts = hosts.collect::<Vec<_>>().join(",");
        write!(f, "postgres://{hosts}/{database}")
    }
}

impl Address {
    /// What tells it from others: where it is, and which part of that.
    pub fn identity(&self) -> String {
        match self.config.get_options() {
            Some(options) => format!("{self}?options={options}"),
            None => self.to_string(),
        }
    }

    /// Reads `postgres://USER:PASSWORD@HOST[:PORT][,HOST…]/DATABASE[?…]` (libpq, Connection URIs). The way to any
    /// host but this one is TLS that knows the server, unless `sslmode=disable`; `sslrootcert` names
    /// the certificates to know it by, instead of the system's.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        // The other form of libpq's has its own words for TLS, which would be overlooked.
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            let form = "it must begin with postgres://";
            return Err(AddressError::Malformed(form.to_owned()));
        }
        let (rest, security) = Security::taken_from(text);
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| {
            AddressError::Malformed(super::error::text(&error))
        })?;
        let split = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
        if config.get_hosts().iter().any(split) {
            let part =
                "a host has an @ in it; write @ : / and ? of a password as %40 %3A %2F and %3F";
            return Err(AddressError::Malformed(part.to_owned()));
        }
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            let missing = "a host and a database must be named";
            return Err(AddressError::Malformed(missing.to_owned()));
        }
        config
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .keepalives_idle(Duration::from_secs(10))
            .tcp_user_timeout(Duration::from_secs(10));
        if config.get_application_name().is_none() {
            config.application_name("claviger");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(1));
        }
        let encrypted = security.is_wanted(&config)?;
        config.ssl_mode(if encrypted {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        let roots = if encrypted {
            security.roots()?
        } else {
            RootCertStore::empty()
        };
        Ok(Self {
            hosts: each_host(&config),
            config,
            tls: connector(roots)?,
        })
    }
}

/// What an address says of TLS: libpq's parameters that the driver does not know.
#[derive(Default)]
struct Security {
    mode: Option<String>,
    roots: Option<PathBuf>,
    /// Who says how to know the server wants to know it.
    is_demanded: bool,
}

impl Security {
    /// These, and the address without them.
    fn taken_from(text: &str) -> (String, Self) {
        let mut security = Self::default();
        let Some((front, parameters)) = text.split_once('?') else {
            return (text.to_owned(), security);
        };
        let kept = parameters.split('&').filter(|pair| {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => security.mode = Some(decoded(mode)),
                // The system's, which they are anyway.
                Some(("sslrootcert", "system")) => security.is_demanded = true,
                Some(("sslrootcert", path)) => {
                    security.is_demanded = true;
                    security.roots = Some(PathBuf::from(decoded(path)));
                }
                _ => return true,
            }
            false
        });
        let kept = kept.collect::<Vec<_>>().join("&");
        let rest = match kept.as_str() {
            "" => front.to_owned(),
            kept => format!("{front}?{kept}"),
        };
        (rest, security)
    }

    fn is_wanted(&self, config: &Config) -> Result<bool, AddressError> {
        match self.mode.as_deref() {
            None => {
                let hosts = config.get_hosts().iter().all(is_local);
                let addresses = config.get_hostaddrs().iter().all(IpAddr::is_loopback);
                Ok(self.is_demanded || !hosts || !addresses)
            }
            Some("disable") => Ok(false),
            Some("require" | "verify-ca" | "verify-full") => Ok(true),
            Some(other) => Err(AddressError::Unsafe(other.to_owned())),
        }
    }

    fn roots(&self) -> Result<RootCertStore, AddressError> {
        let mut store = RootCertStore::empty();
        let Some(path) = &self.roots else {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            return Ok(store);
        };
        let failed = |why: String| AddressError::Certificates(format!("{}: {why}", path.display()));
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            store
                .add(certificate)
                .map_err(|error| failed(error.to_string()))?;
        }
        if store.is_empty() {
            return Err(failed("there is no certificate in it".to_owned()));
        }
        Ok(store)
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The same for each host by itself: whether one is fit is for us to say, not for the library.
fn each_host(config: &Config) -> Vec<Config> {
    let hosts = config.get_hosts().iter().enumerate();
    let alone = hosts.map(|(position, host)| {
        let mut alone = Config::new();
        let ports = config.get_ports();
        match host {
            Host::Tcp(name) => alone.host(name),
            Host::Unix(path) => alone.host_path(path),
        };
        if let Some(port) = ports.get(position).or_else(|| ports.first()) {
            alone.port(*port);
        }
        if let Some(address) = config.get_hostaddrs().get(position) {
            alone.hostaddr(*address);
        }
        if let Some(user) = config.get_user() {
            alone.user(user);
        }
        if let Some(password) = config.get_password() {
            alone.password(password);
        }
        if let Some(options) = config.get_options() {
            alone.options(options);
        }
        if let Some(name) = config.get_application_name() {
            alone.application_name(name);
        }
        if let Some(timeout) = config.get_connect_timeout() {
            alone.connect_timeout(*timeout);
        }
        alone
            .dbname(config.get_dbname().unwrap_or_default())
            .ssl_mode(config.get_ssl_mode())
            .channel_binding(config.get_channel_binding())
            .keepalives_idle(config.get_keepalives_idle())
            .tcp_user_timeout(Duration::from_secs(10))
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        alone
    });
    alone.collect()
}

/// Whether the way there stays on this machine.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|address: IpAddr| address.is_loopback())
        }
    }
}

fn connector(roots: RootCertStore) -> Result<MakeRustlsConnect, AddressError> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| AddressError::Certificates(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(text: &str) -> SslMode {
        Address::parse(text)
            .expect("an address")
            .config
            .get_ssl_mode()
    }

    #[test]
    fn the_way_to_another_machine_is_encrypted_unless_somebody_says_otherwise() {
        for local in [
            "postgres://a:b@127.0.0.1/claviger",
            "postgres://a:b@localhost:5433,[::1]:5434/claviger",
            "postgres://a@%2Frun%2Fpostgresql/claviger",
            "postgres://a:b@db.example/claviger?sslmode=disable",
        ] {
            assert_eq!(mode(local), SslMode::Disable, "{local}");
        }
        for remote in [
            "postgres://a:b@db.example/claviger",
            "postgres://a:b@10.0.0.1/claviger",
            "postgres://a:b@127.0.0.1,db.example/claviger",
            "postgres://a:b@localhost/claviger?hostaddr=192.0.2.2",
            "postgres://a:b@127.0.0.1/claviger?sslmode=verify-full",
            "postgres://a:b@127.0.0.1/claviger?sslrootcert=system",
            "postgres://a:b@db.example/claviger?sslmode=require&connect_timeout=3",
        ] {
            assert_eq!(mode(remote), SslMode::Require, "{remote}");
        }
        for unsafe_mode in ["prefer", "allow", "on"] {
            let text = format!("postgres://a:b@db.example/claviger?sslmode={unsafe_mode}");
            assert!(
                matches!(Address::parse(&text), Err(AddressError::Unsafe(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let text = "postgres://claviger:hunter2@a.example,b.example:5433/store?sslmode=disable";
        let address = Address::parse(text).expect("an address");
        assert_eq!(
            address.to_string(),
            "postgres://a.example:5432,b.example:5433/store"
        );
        assert!(!format!("{address:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for text in [
            "",
            "claviger:hunter2",
            "postgres://a:hunter2@",
            "postgres://a:hunter2@host",
            "mysql://a:hunter2@host/b",
            "postgres://a:hunter2@unter2@host/b",
            "host=127.0.0.1 user=a password=hunter2 dbname=b sslmode=require",
            "postgres://a:hunter2@host/b?sslcert=x",
            "postgres://a:hunter2@host/b?sslrootcert=/nowhere.pem",
        ] {
            let error = Address::parse(text).expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
