//! The instance's own addresses. They come from configuration, never from a request (I11).

use claviger_model::{application::ApplicationName, hex::Hex, id::InstanceId};
use sha2::{Digest as _, Sha256};

/// The public address of the service and the names that AWS clients know it by.
#[derive(Clone, Debug)]
pub struct Links {
    public_url: String,
    instance: InstanceId,
    region: String,
    aliases: Vec<String>,
    session_name: String,
    sts: Option<String>,
}

impl Links {
    /// `public_url` is `scheme://host[:port]` without a path; `aliases` are further start URLs
    /// that name this instance (for example `https://corp.awsapps.com/start`).
    pub fn new(public_url: &str, instance: InstanceId, region: &str, aliases: &[String]) -> Self {
        let mut links = Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
            instance,
            region: region.to_owned(),
            aliases: Vec::new(),
            session_name: format!("claviger-{}", short(instance)),
            sts: None,
        };
        let own = [
            links.issuer().to_owned(),
            links.start_url(),
            links.aws_start_url(),
            links.aws_issuer(),
            format!("https://{}.portal.{region}.app.aws", links.ssoins()),
            format!("https://{}.{region}.portal.amazonaws.com", links.ssoins()),
        ];
        links.aliases = own
            .iter()
            .chain(aliases)
            .filter_map(|alias| normalise(alias))
            .collect();
        links
    }

    /// What AWS clients are told of an instance that hands out credentials of an STS of its own:
    /// where that is, and a session name under which no other cached credentials lie.
    #[must_use]
    pub fn with_own_sts(self, sts: String, session_name: String) -> Self {
        Self {
            session_name,
            sts: Some(sts),
            ..self
        }
    }

    /// The issuer and origin: `https://sso.example.org`.
    pub fn issuer(&self) -> &str {
        &self.public_url
    }

    /// The AWS region that clients are configured with.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The access portal, the value of `sso_start_url`.
    pub fn start_url(&self) -> String {
        format!("{}/start", self.public_url)
    }

    /// Where a person types a user code (RFC 8628 `verification_uri`); never holds a query, since
    /// one client composes its own (WIRE §3.2).
    pub fn verification_uri(&self) -> String {
        format!("{}/device", self.public_url)
    }

    /// `ssoins-` and 16 lower-case hexadecimal digits.
    pub fn ssoins(&self) -> String {
        self.instance
            .to_string()
            .chars()
            .take(16)
            .fold("ssoins-".to_owned(), |mut id, c| {
                id.push(c);
                id
            })
    }

    /// A start URL that AWS CLI ≥ 2.35.13 takes without asking the network (WIRE §1.4).
    pub fn aws_start_url(&self) -> String {
        let directory: String = self
            .instance
            .to_string()
            .chars()
            .skip(16)
            .take(10)
            .collect();
        format!("https://d-{directory}.awsapps.com/start")
    }

    /// What AWS clients are to be configured with: AWS CLI ≥ 2.35.13 takes no start URL over plain
    /// http but one that looks like AWS's own, which it never asks (WIRE §1.4).
    pub fn sso_start_url(&self) -> String {
        if self.is_https() {
            self.start_url()
        } else {
            self.aws_start_url()
        }
    }

    /// The name of the sso-session in the configuration of AWS clients, the same for as long as the
    /// instance lives: they key their caches by it.
    pub fn session_name(&self) -> &str {
        &self.session_name
    }

    /// The STS that knows the credentials of this instance, where that is not AWS's.
    pub fn sts(&self) -> Option<&str> {
        self.sts.as_deref()
    }

    /// The AWS-looking issuer that `HEAD` on the start URL redirects to; keeps the user's region.
    pub fn aws_issuer(&self) -> String {
        format!("https://identitycenter.amazonaws.com/{}", self.ssoins())
    }

    /// The `clientId` of an application: it names this instance, and no other has the same.
    pub fn application_arn(&self, application: &ApplicationName) -> String {
        let named = format!("claviger/application/{}/{application}", self.instance);
        let digest: [u8; 32] = Sha256::digest(named).into();
        let id: String = Hex(&digest).to_string().chars().take(16).collect();
        format!(
            "arn:aws:sso::000000000000:application/{}/apl-{id}",
            self.ssoins()
        )
    }

    /// Whether a `startUrl` or `issuerUrl` names this instance, in any of its spellings.
    pub fn name_this_instance(&self, url: &str) -> bool {
        normalise(url).is_some_and(|url| self.aliases.contains(&url))
    }

    /// `host[:port]` as browsers send it in `Host`.
    pub fn host(&self) -> &str {
        self.public_url
            .split_once("://")
            .map_or("", |(_, host)| host)
    }

    /// Whether cookies must be `Secure` and `__Host-`.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// Enough of an id to tell a person's instances apart.
fn short(instance: InstanceId) -> String {
    instance.to_string().chars().take(8).collect()
}

/// Whether a text can name an instance at all; an alias that cannot would name nothing.
pub fn is_readable(url: &str) -> bool {
    normalise(url).is_some()
}

/// Lower-cases scheme and host, drops the fragment and trailing slashes (WIRE §1.4). `None` for
/// what is no URL or carries user-info or a query.
fn normalise(url: &str) -> Option<String> {
    if url.len() > 2048 || url.contains(['@', '?', '\\']) || url.contains(char::is_whitespace) {
        return None;
    }
    let before_fragment = url.split('#').next()?;
    let (scheme, rest) = before_fragment.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = path.trim_end_matches('/');
    (!host.is_empty()).then(|| {
        format!(
            "{}://{}{path}",
            scheme.to_ascii_lowercase(),
            host.to_ascii_lowercase()
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn links() -> Links {
        let instance = InstanceId::from_bytes([0xab; 16]);
        let alias = ["https://corp.awsapps.com/start".to_owned()];
        Links::new("https://sso.example.org", instance, "us-east-1", &alias)
    }

    #[test]
    fn every_alias_of_the_instance_is_accepted() {
        for url in [
            "https://sso.example.org/start",
            "https://sso.example.org/start/",
            "https://SSO.example.org/start/#/",
            "https://corp.awsapps.com/start#/",
            "https://d-ababababab.awsapps.com/start",
            "https://identitycenter.amazonaws.com/ssoins-abababababababab",
            "https://ssoins-abababababababab.portal.us-east-1.app.aws",
            "https://ssoins-abababababababab.us-east-1.portal.amazonaws.com/",
        ] {
            assert!(links().name_this_instance(url), "{url}");
        }
    }

    #[test]
    fn dev_27_other_hosts_user_info_and_no_urls_are_refused() {
        for url in [
            "https://evil.example/start",
            "https://x@sso.example.org/start",
            "sso.example.org/start",
            "",
            "http://sso.example.org/start",
            "https://sso.example.org/Start",
            "https://sso.example.org/start?x",
            "://",
            "https://d-0000000000.awsapps.com/start",
        ] {
            assert!(!links().name_this_instance(url), "{url}");
        }
    }

    #[test]
    fn what_can_name_nothing_is_not_readable() {
        for url in [
            "",
            "corp",
            " https://a.example",
            "https://x@a.example",
            "https://a.example?x",
            "https:/a",
        ] {
            assert!(!is_readable(url), "{url}");
        }
        assert!(is_readable("https://Corp.awsapps.com/start/#/"));
    }

    proptest! {
        #[test]
        fn dev_27_no_other_text_names_this_instance(
            at in 0_usize..29, with in "[!-~]{1,3}", cut in 0_usize..2,
        ) {
            let own = "https://sso.example.org/start";
            let changed = format!("{}{with}{}", &own[..at], &own[at + cut..]);
            let plain = changed.split('#').next().unwrap_or_default().trim_end_matches('/');
            let (front, path) = plain.split_at(plain.len().min("https://sso.example.org".len()));
            // What parsers disagree about is refused wherever it stands, in a fragment too.
            let is_clear = !changed.contains(['@', '?', '\\']);
            let same = is_clear && front.eq_ignore_ascii_case("https://sso.example.org")
                && ["", "/start"].contains(&path.trim_end_matches('/'));
            prop_assert_eq!(links().name_this_instance(&changed), same, "{}", changed);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}|[a-zA-Z:/#@?.]{0,30}") {
            let _ = links().name_this_instance(&text);
        }
    }
}
