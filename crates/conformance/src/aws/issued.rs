//! What clients read of the tokens that they get.

use crate::{
    answer::Answer,
    flaw::{Checked, demand},
};

/// A good answer of CreateToken.
pub(super) fn tokens(answer: &Answer) -> Checked {
    answer.granted()?;
    let access = answer.text("accessToken")?;
    let is_header_safe = access
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b',');
    demand!(
        is_header_safe && access.len() < 2048,
        "`accessToken` cannot be sent in a header: it must be visible ASCII without a comma, below 2 KB"
    );
    let kind = answer.text("tokenType")?;
    demand!(kind == "Bearer", "`tokenType` is {kind:?}, not \"Bearer\"");
    let expires = answer.whole("expiresIn")?;
    demand!(
        expires >= 1800,
        "`expiresIn` is {expires}: below 1800 seconds botocore refreshes at each start"
    );
    Ok(())
}
