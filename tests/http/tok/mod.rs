//! The token endpoint in general (TOK): its order of checks, its media types, kinds of tokens kept
//! apart, and a store that is away.

mod order;
mod form;
mod kinds;
mod trouble;
