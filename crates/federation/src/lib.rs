//! Trusted issuers: what they have signed, believed by the keys that they publish.
//!
//! Outbound calls go to the configured addresses and nowhere else: over https, to public addresses
//! unless the operator says otherwise, without redirects, bounded in size, time and number (FED-04 to
//! FED-07, SSR-01 to SSR-03). Modules are declared ground floor first.

pub mod address;
pub mod fetch;
mod token;
mod keys;
pub mod issuers;
