//! The crate from outside: targets over a scripted STS on a socket, and the toy answering the
//! official client.

#[cfg(test)]
mod fake_sts;
#[cfg(test)]
mod fixture;

#[cfg(test)]
mod assume_role;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod toy;
