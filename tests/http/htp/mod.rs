//! HTP: bytes that no client of ours sends. Every test asks what became of the next request.

mod body;
mod framing;
mod http2;
mod route;
