//! SGN: signing in with a password, and what a stranger can do about it.

mod answer;
mod cookie;
mod elsewhere;
mod throttle;
