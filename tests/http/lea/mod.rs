//! LEA: what answers, pages and logs give away. LEA-01, the scanner, watches every test; see
//! `kit.rs`.

mod escape;
mod quiet;
mod secret;
