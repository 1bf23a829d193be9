//! In-process HTTP: the real router behind the real accept loop, one file a flow. Tests of the
//! case catalogue bear the case's id.
#![expect(
    clippy::expect_used,
    reason = "a suite that cannot set up fails its test by panicking"
)]

mod kit;
mod reg;
mod uri;
mod aut;
mod create_token;
mod paws;
mod por;
mod htp;
mod sgn;
mod lea;
mod hdr;
mod dev;
mod refresh;
mod tok;
mod acc;
mod adm;
mod res;
mod overload;
mod web_identity;
mod iam;
mod oauth;
mod ssr;
