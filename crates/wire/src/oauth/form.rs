//! The parameters of a call: a form, each once (RFC 6749 §3.2).

use claviger_engine::error::{Error, Kind};
use claviger_model::secret::Secret;

use crate::query::Parameters;

/// The longest parameter but for tokens of others, in bytes.
const LONGEST: usize = 4096;

/// The longest assertion or subject token, in bytes.
pub(super) const ASSERTION: usize = 16_384;

/// Reads a form.
pub(super) fn read(body: &[u8]) -> Result<Parameters, Error> {
    let text = std::str::from_utf8(body).map_err(|_| {
        Kind::InvalidRequest
            .because("The body must be a form: percent-encoded UTF-8, each parameter once.")
    })?;
    Ok(Parameters::read(text)?)
}

/// A parameter of a sane length; an empty one is absent (RFC 6749 §3.2).
pub(super) fn text<'a>(form: &'a Parameters, name: &str) -> Result<Option<&'a str>, Error> {
    at_most(form, name, LONGEST)
}

/// A parameter that nobody but its owner is to see.
pub(super) fn secret(
    form: &Parameters,
    name: &str,
    longest: usize,
) -> Result<Option<Secret>, Error> {
    Ok(at_most(form, name, longest)?.map(Secret::from))
}

/// A token of ours.
pub(super) fn token(form: &Parameters, name: &str) -> Result<Option<Secret>, Error> {
    secret(form, name, LONGEST)
}

/// A list of words (RFC 6749 §3.3).
pub(super) fn words(form: &Parameters, name: &str) -> Result<Vec<String>, Error> {
    let text = text(form, name)?.unwrap_or_default();
    let words = text.split(' ').filter(|word| !word.is_empty());
    Ok(words.map(ToOwned::to_owned).collect())
}

fn at_most<'a>(form: &'a Parameters, name: &str, longest: usize) -> Result<Option<&'a str>, Error> {
    let value = form.get(name);
    if value.is_some_and(|value| value.len() > longest) {
        return Err(Kind::InvalidRequest
            .because("A parameter is too long. Compare it with the documentation.")
            .detail(format!("{name} has more than {longest} bytes"))
            .into());
    }
    Ok(value)
}
