//! Administration and its record: taking access away, writing down who did, and what is refused
//! when nothing can be written down.

mod scene;
mod cease;
mod record;
mod told;
mod full;
mod name;
mod refused;
