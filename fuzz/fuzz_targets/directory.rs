//! The directory file. Its decoder belongs to the binary, so its files are mounted here.
#![no_main]
#![expect(dead_code, reason = "only the decoder of the mounted files is used")]

use libfuzzer_sys::fuzz_target;

mod config;
#[path = "../../crates/claviger/src/directory_file.rs"]
mod directory_file;

fuzz_target!(|text: &str| {
    let _ = directory_file::parse(text);
});
