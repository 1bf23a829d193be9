//! Verifying AWS Signature Version 4 by signing the received request again (SETTLED).
//!
//! The signing is `aws-sigv4`'s; here the claim is read, the headers that it names are picked, and
//! the two signatures are compared in constant time. Paths are taken as received and normalised and
//! encoded twice, as every service but S3 does and every SDK expects.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use claviger_model::{
    hex::Hex,
    secret::Secret,
    time::{Lifetime, Timestamp},
};
use http::{HeaderMap, Method, Uri};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// How far a client's clock may stand from ours, either way.
pub const SKEW: Lifetime = Lifetime::minutes(5);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SECURITY_TOKEN: &str = "x-amz-security-token";
const DATE: &str = "x-amz-date";
const CONTENT_HASH: &str = "x-amz-content-sha256";

/// A request as it came in.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target as received; nothing is cut off or decoded.
    pub uri: &'a Uri,
    /// All headers; `host` among them, also where HTTP/2 carried it elsewhere.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// What a signed request says about its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who claims to have signed.
    pub access_key_id: String,
    /// The region of the scope.
    pub region: String,
    /// The service of the scope.
    pub service: String,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The session token that came along.
    pub session_token: Option<Secret>,
    signed_headers: Vec<String>,
    signature: String,
}

/// Why a request bears no valid signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No `Authorization` header, or one of another scheme.
    #[error("the request is not signed with AWS4-HMAC-SHA256 in its Authorization header")]
    Missing,
    /// A signature that cannot be read, or does not cover what it must.
    #[error("the signature is incomplete: {0}")]
    Incomplete(&'static str),
    /// Signed too long ago, or in the future.
    #[error(
        "the signature has expired: it was made more than 5 minutes from now; compare the clocks"
    )]
    Skewed,
    /// Another key, or another request.
    #[error("the signature does not match the request; compare the secret access key")]
    Mismatch,
}

impl Claim {
    /// Reads the `Authorization` header and what belongs to it. `host`, `x-amz-date` and every other
    /// `x-amz-*` header of the request must be signed (GHSA-xm99-m3gq-83g8).
    pub fn read(headers: &HeaderMap) -> Result<Self, Invalid> {
        let line = one(headers, "authorization")?.ok_or(Invalid::Missing)?;
        let parts = line
            .strip_prefix(ALGORITHM)
            .filter(|rest| rest.starts_with(' '))
            .ok_or(Invalid::Missing)?;
        let scope = part(parts, "Credential")?;
        let [access_key_id, day, region, service, "aws4_request"] =
            *scope.split('/').collect::<Vec<_>>()
        else {
            return Err(Invalid::Incomplete(
                "Credential must be key/day/region/service/aws4_request",
            ));
        };
        let date = one(headers, DATE)?.ok_or(Invalid::Incomplete("x-amz-date is missing"))?;
        let signed_at =
            instant(date).ok_or(Invalid::Incomplete("x-amz-date must be YYYYMMDDThhmmssZ"))?;
        if !date.starts_with(day) || day.len() != 8 {
            return Err(Invalid::Incomplete(
                "the day in Credential must be that of x-amz-date",
            ));
        }
        check_date(headers, signed_at)?;
        let signed_headers = part(parts, "SignedHeaders")?.split(';');
        let signed_headers: Vec<String> = signed_headers.map(str::to_owned).collect();
        check_signed(headers, &signed_headers)?;
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_at,
            session_token: one(headers, SECURITY_TOKEN)?.map(Secret::from),
            signed_headers,
            signature: part(parts, "Signature")?.to_owned(),
        })
    }

    /// Whether `secret` signed `received`, not more than [`SKEW`] from `now`.
    pub fn verify(
        &self,
        received: Received<'_>,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), Invalid> {
        if now.seconds_since(self.signed_at).unsigned_abs() > u64::from(SKEW.as_seconds()) {
            return Err(Invalid::Skewed);
        }
        let expected = self.sign_again(received, secret).ok_or(Invalid::Mismatch)?;
        if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            check_content_hash(received)
        } else {
            Err(Invalid::Mismatch)
        }
    }

    /// What no other request has, but this one sent again.
    pub fn digest(&self) -> [u8; 32] {
        let Self {
            access_key_id,
            signature,
            ..
        } = self;
        Sha256::digest(format!("{access_key_id}/{signature}")).into()
    }

    fn sign_again(&self, received: Received<'_>, secret: &Secret) -> Option<String> {
        let headers = self.headers_to_sign(received.headers)?;
        let token = self
            .session_token
            .as_ref()
            .map(|token| token.reveal().to_owned());
        let identity = Credentials::new(
            &self.access_key_id,
            secret.reveal(),
            token,
            None,
            "received",
        )
        .into();
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        let seconds = u64::try_from(self.signed_at.epoch_seconds()).ok()?;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .settings(settings)
            .build()
            .ok()?
            .into();
        let request = SignableRequest::new(
            received.method.as_str(),
            received.uri.to_string(),
            headers.into_iter(),
            SignableBody::Bytes(received.body),
        )
        .ok()?;
        sign(request, &parameters)
            .ok()
            .map(|signed| signed.signature().to_owned())
    }

    /// The headers that the claim names, each of which must be there. The signer adds date and
    /// session token by itself, so a token that was sent unsigned does not match, and what it may
    /// trace holds none.
    fn headers_to_sign<'a>(&self, headers: &'a HeaderMap) -> Option<Vec<(&'a str, &'a str)>> {
        let mut picked = Vec::new();
        for name in &self.signed_headers {
            let before = picked.len();
            for (name, value) in headers
                .iter()
                .filter(|(present, _)| present.as_str() == name)
            {
                picked.push((name.as_str(), value.to_str().ok()?));
            }
            if picked.len() == before {
                return None;
            }
        }
        picked.retain(|(name, _)| ![DATE, SECURITY_TOKEN].contains(name));
        Some(picked)
    }
}

/// A `Date` beside `x-amz-date` says the same.
fn check_date(headers: &HeaderMap, signed_at: Timestamp) -> Result<(), Invalid> {
    let Some(date) = one(headers, "date")? else {
        return Ok(());
    };
    let seconds = u64::try_from(signed_at.epoch_seconds()).unwrap_or_default();
    let same = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    match httpdate::parse_http_date(date) {
        Ok(date) if date == same => Ok(()),
        _ => Err(Invalid::Incomplete("date and x-amz-date must not differ")),
    }
}

/// The names are spelled as the canonical request has them, and nothing that counts is left out.
fn check_signed(headers: &HeaderMap, signed: &[String]) -> Result<(), Invalid> {
    let signs = |name: &str| signed.iter().any(|signed| signed == name);
    if !signed.is_sorted_by(|one, next| one < next)
        || signed.iter().any(|name| *name != name.to_ascii_lowercase())
    {
        return Err(Invalid::Incomplete(
            "SignedHeaders must be lower case, in order and each there once",
        ));
    }
    if !signs("host") || !signs(DATE) {
        return Err(Invalid::Incomplete("host and x-amz-date must be signed"));
    }
    let mut present = headers.keys().map(http::HeaderName::as_str);
    if present.any(|name| name.starts_with("x-amz-") && !signs(name)) {
        return Err(Invalid::Incomplete("every x-amz- header must be signed"));
    }
    Ok(())
}

/// The hash of the body, where it is told: nothing that stands for "not signed" (SIG-07).
fn check_content_hash(received: Received<'_>) -> Result<(), Invalid> {
    let own = Hex(&Sha256::digest(received.body)).to_string();
    match one(received.headers, CONTENT_HASH)? {
        Some(told) if told != own => Err(Invalid::Incomplete(
            "x-amz-content-sha256 must be the hash of the body",
        )),
        _ => Ok(()),
    }
}

/// A header's only value.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Invalid> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .map(Some)
            .map_err(|_| Invalid::Incomplete("a header holds bytes outside ASCII")),
        (Some(_), Some(_)) => Err(Invalid::Incomplete("a header of the signature is repeated")),
    }
}

/// The value of one `Name=value` of the `Authorization` header.
fn part<'a>(parts: &'a str, name: &'static str) -> Result<&'a str, Invalid> {
    parts
        .split(',')
        .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        .ok_or(Invalid::Incomplete(
            "Credential, SignedHeaders and Signature are required",
        ))
}

/// Reads `YYYYMMDDThhmmssZ`.
fn instant(text: &str) -> Option<Timestamp> {
    let (day, rest) = text.split_once('T')?;
    let clock = rest.strip_suffix('Z')?;
    let digits = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(day, 8) || !digits(clock, 6) {
        return None;
    }
    let number = |text: Option<&str>| text?.parse::<u8>().ok();
    let month = time::Month::try_from(number(day.get(4..6))?).ok()?;
    let date =
        time::Date::from_calendar_date(day.get(..4)?.parse().ok()?, month, number(day.get(6..))?)
            .ok()?;
    let time = time::Time::from_hms(
        number(clock.get(..2))?,
        number(clock.get(2..4))?,
        number(clock.get(4..))?,
    )
    .ok()?;
    let seconds = time::PrimitiveDateTime::new(date, time)
        .assume_utc()
        .unix_timestamp();
    Some(Timestamp::from_epoch_seconds(seconds))
}

#[cfg(test)]
mod tests;
