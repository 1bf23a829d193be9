//! The token endpoint in general (TOK): its order of checks, its media types, kinds of tokens kept
//! apart, and a store that is away.

mod order;
mod form;
mod wallet;
mod places;
mod kinds;
mod trouble;
