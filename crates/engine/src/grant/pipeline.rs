//! The steps that every grant shares, so that none can forget one.

use claviger_model::network::Requester;

use super::request::{Issued, TokenRequest};
use crate::{context::Context, error::Error};

/// Redeems a grant: authenticates the client, picks the grant, answers its tokens.
pub async fn redeem(
    context: &Context,
    requester: &Requester,
    request: TokenRequest,
) -> Result<Issued, Error> {
    let _ = (context, requester, request);
    todo!()
}
