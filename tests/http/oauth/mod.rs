//! The standard dialect: the same grants in other words.

mod metadata;
mod register;
mod client;
mod grants;
mod both;
mod end;
mod openid;
mod prompt;
