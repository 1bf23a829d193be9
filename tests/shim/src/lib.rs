//! Loaded before libc (`LD_PRELOAD`), this breaks what a program does with its disk and its network, at exactly
//! the call that a test asks for. The program itself is the one that is shipped.
//!
//! `CLAVIGER_SHIM` names a file of rules, one a line; it may change at any time, and counting then begins
//! anew. What struck is written to the same name with `.struck` at its end.
//!
//! ```text
//! CALL TARGET NTH ACTION
//! sync claviger.db 3 fail 5       the third sync of such a file fails with EIO
//! any claviger.,tcp 17 kill       before the 17th call that writes, syncs or sends, the process is gone
//! write claviger.db 1+ delay 50   from the first on, each takes 50 ms longer
//! resolve localhost 1+ delay 9000  the name server is silent for nine seconds
//! clock -3600                     the calendar is an hour behind
//! ```
//!
//! CALL is `write` (to files), `sync`, `truncate`, `send` (to sockets), `any` of these, or `resolve`, which can only
//! be delayed. TARGET is a part of the file's path or of the name, or `tcp` or `unix` for sockets; several with
//! commas. ACTION is `fail ERRNO`, `short`, `delay MS`, `kill`,
//! `half` (does half of the call, or all of it where there are no halves, then kills) or `lose` (puts files back
//! to what they were at their last sync, then kills: a machine without power). Whatever kills removes the rules.

mod disk;
mod real;
mod rule;

use std::{
    cell::Cell,
    ffi::{CStr, c_char},
    sync::{Mutex, PoisonError},
};

use libc::{
    addrinfo, c_int, c_void, clockid_t, iovec, msghdr, off64_t, size_t, sockaddr, socklen_t,
    ssize_t, timespec,
};

use rule::{Action, Call, Rules};

static RULES: Mutex<Option<Rules>> = Mutex::new(None);

thread_local! {
    /// Set while this thread is in here: what we do ourselves passes.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What becomes of a call.
enum Verdict {
    Pass,
    Fail(c_int),
    Half,
    HalfThenKill,
}

/// Looks whether a rule strikes, and does all but the call itself.
fn meet(call: Call, fd: c_int) -> Verdict {
    match real::target(fd) {
        Some(target) => meet_at(call, &target),
        None => Verdict::Pass,
    }
}

fn meet_at(call: Call, target: &str) -> Verdict {
    let action = {
        let mut rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = rules.get_or_insert_with(Rules::of_environment);
        rules.strike(call, target)
    };
    match action {
        None => Verdict::Pass,
        Some(Action::Fail(errno)) => Verdict::Fail(errno),
        Some(Action::Short) => Verdict::Half,
        Some(Action::Delay(milliseconds)) => {
            std::thread::sleep(std::time::Duration::from_millis(milliseconds));
            Verdict::Pass
        }
        Some(Action::Kill) => real::kill(),
        Some(Action::Half) => Verdict::HalfThenKill,
        Some(Action::Lose) => {
            disk::lose();
            real::kill()
        }
    }
}

/// Carries out a call that is `length` long as the rules want; `perform` does so much of it.
fn carry_out(
    call: Call,
    fd: c_int,
    length: usize,
    before: impl FnOnce(),
    perform: impl Fn(usize) -> ssize_t,
) -> ssize_t {
    if INSIDE.replace(true) {
        return perform(length);
    }
    let verdict = meet(call, fd);
    before();
    let half = length.div_ceil(2);
    let result = match verdict {
        Verdict::Pass => perform(length),
        Verdict::Half => perform(half),
        Verdict::HalfThenKill => {
            perform(half);
            real::kill()
        }
        Verdict::Fail(errno) => real::fail(errno),
    };
    INSIDE.set(false);
    result
}

/// # Safety
/// As `clock_gettime(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the caller's promise.
    let done = unsafe { real::clock_gettime(clock, time) };
    if done == 0 && clock == libc::CLOCK_REALTIME && !INSIDE.replace(true) {
        let mut rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = rules.get_or_insert_with(Rules::of_environment);
        // SAFETY: it was filled above.
        unsafe { (*time).tv_sec += rules.clock() };
        INSIDE.set(false);
    }
    done
}

/// # Safety
/// As `getaddrinfo(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    name: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    found: *mut *mut addrinfo,
) -> c_int {
    if !name.is_null() && !INSIDE.replace(true) {
        // SAFETY: the caller's promise; it is not null.
        let text = unsafe { CStr::from_ptr(name) };
        // Delays are all that befalls names.
        meet_at(Call::Resolve, &text.to_string_lossy());
        INSIDE.set(false);
    }
    // SAFETY: the caller's promise.
    unsafe { real::getaddrinfo(name, service, hints, found) }
}

/// Whether a descriptor is a socket decides what a plain `write` is.
fn write_or_send(fd: c_int) -> Call {
    if real::is_socket(fd) {
        Call::Send
    } else {
        Call::Write
    }
}

/// # Safety
/// As `pwrite64(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    fd: c_int,
    bytes: *const c_void,
    length: size_t,
    offset: off64_t,
) -> ssize_t {
    let remember = || disk::overwriting(fd, offset, length);
    carry_out(Call::Write, fd, length, remember, |length| {
        // SAFETY: the caller's promise, for as much or less.
        unsafe { real::pwrite64(fd, bytes, length, offset) }
    })
}

/// # Safety
/// As `pwrite(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(
    fd: c_int,
    bytes: *const c_void,
    length: size_t,
    offset: off64_t,
) -> ssize_t {
    // SAFETY: the same function where offsets have 64 bits.
    unsafe { pwrite64(fd, bytes, length, offset) }
}

/// # Safety
/// As `write(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, length: size_t) -> ssize_t {
    carry_out(
        write_or_send(fd),
        fd,
        length,
        || {},
        |length| {
            // SAFETY: the caller's promise, for as much or less.
            unsafe { real::write(fd, bytes, length) }
        },
    )
}

/// # Safety
/// As `writev(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, pieces: *const iovec, count: c_int) -> ssize_t {
    let pieces_in_all = usize::try_from(count).unwrap_or_default();
    carry_out(
        write_or_send(fd),
        fd,
        pieces_in_all,
        || {},
        |count| {
            // SAFETY: the caller's promise, for as many pieces or fewer.
            unsafe { real::writev(fd, pieces, c_int::try_from(count).unwrap_or_default()) }
        },
    )
}

/// # Safety
/// As `send(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn send(
    fd: c_int,
    bytes: *const c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    carry_out(
        Call::Send,
        fd,
        length,
        || {},
        |length| {
            // SAFETY: the caller's promise, for as much or less.
            unsafe { real::send(fd, bytes, length, flags) }
        },
    )
}

/// # Safety
/// As `sendto(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendto(
    fd: c_int,
    bytes: *const c_void,
    length: size_t,
    flags: c_int,
    to: *const sockaddr,
    to_length: socklen_t,
) -> ssize_t {
    carry_out(
        Call::Send,
        fd,
        length,
        || {},
        |length| {
            // SAFETY: the caller's promise, for as much or less.
            unsafe { real::sendto(fd, bytes, length, flags, to, to_length) }
        },
    )
}

/// # Safety
/// As `sendmsg(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    carry_out(
        Call::Send,
        fd,
        1,
        || {},
        |_| {
            // SAFETY: the caller's promise.
            unsafe { real::sendmsg(fd, message, flags) }
        },
    )
}

/// # Safety
/// As `fsync(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd, || {
        // SAFETY: the caller's promise.
        unsafe { real::fsync(fd) }
    })
}

/// # Safety
/// As `fdatasync(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd, || {
        // SAFETY: the caller's promise.
        unsafe { real::fdatasync(fd) }
    })
}

fn sync(fd: c_int, perform: impl Fn() -> c_int) -> c_int {
    carry_out_whole(
        Call::Sync,
        fd,
        || {},
        || {
            let done = perform();
            if done == 0 {
                disk::synced(fd);
            }
            done
        },
    )
}

/// The same for a call that has no length.
fn carry_out_whole(
    call: Call,
    fd: c_int,
    before: impl FnOnce(),
    perform: impl Fn() -> c_int,
) -> c_int {
    let done = carry_out(call, fd, 1, before, |_| perform() as ssize_t);
    c_int::try_from(done).unwrap_or(-1)
}

/// # Safety
/// As `ftruncate64(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    let remember = || disk::truncating(fd, length);
    carry_out_whole(Call::Truncate, fd, remember, || {
        // SAFETY: the caller's promise.
        unsafe { real::ftruncate64(fd, length) }
    })
}

/// # Safety
/// As `ftruncate(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(fd: c_int, length: off64_t) -> c_int {
    // SAFETY: the same function where offsets have 64 bits.
    unsafe { ftruncate64(fd, length) }
}
