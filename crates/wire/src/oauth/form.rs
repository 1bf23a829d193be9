//! The parameters of a call: a form, each once (RFC 6749 §3.2).

use claviger_engine::error::{Error, Kind};
use claviger_model::secret::Secret;

use crate::query::Parameters;

/// The longest parameter, in bytes.
const LONGEST: usize = 4096;

/// The longest assertion: tokens of other issuers list groups and more.
const LONGEST_ASSERTION: usize = 16 * 1024;

/// How many parameters a form may have (HTP-02); no call has more than ten.
const PARAMETERS: usize = 64;

/// Reads a form.
pub(super) fn read(body: &[u8]) -> Result<Parameters, Error> {
    if body.split(|byte| *byte == b'&').nth(PARAMETERS).is_some() {
        return Err(Kind::InvalidRequest
            .because("The body has too many parameters. Send those of the documentation.")
            .into());
    }
    let text = std::str::from_utf8(body).map_err(|_| {
        Kind::InvalidRequest
            .because("The body must be a form: percent-encoded UTF-8, each parameter once.")
    })?;
    Ok(Parameters::read(text)?)
}

/// A parameter of a sane length; an empty one is absent (RFC 6749 §3.2).
pub(super) fn text<'a>(form: &'a Parameters, name: &str) -> Result<Option<&'a str>, Error> {
    within(LONGEST, form, name)
}

fn within<'a>(longest: usize, form: &'a Parameters, name: &str) -> Result<Option<&'a str>, Error> {
    let value = form.get(name);
    if value.is_some_and(|value| value.len() > longest) {
        return Err(Kind::InvalidRequest
            .because("A parameter is too long. Compare it with the documentation.")
            .detail(format!("{name} has more than {longest} bytes"))
            .into());
    }
    Ok(value)
}

/// What another issuer has signed.
pub(super) fn assertion(form: &Parameters, name: &str) -> Result<Option<Secret>, Error> {
    Ok(within(LONGEST_ASSERTION, form, name)?.map(Secret::from))
}

/// A parameter that nobody but its owner is to see.
pub(super) fn secret(form: &Parameters, name: &str) -> Result<Option<Secret>, Error> {
    Ok(text(form, name)?.map(Secret::from))
}

/// A list of scopes; none where there is no such parameter.
pub(super) fn scopes(form: &Parameters, name: &str) -> Result<Vec<String>, Error> {
    Ok(words(text(form, name)?.unwrap_or_default()))
}

/// The words of a text, which single spaces part (RFC 6749 §3.3).
pub(super) fn words(text: &str) -> Vec<String> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    words.map(ToOwned::to_owned).collect()
}
