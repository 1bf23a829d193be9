//! The functions whose place we take, and what a descriptor is.

use std::{
    ffi::c_char,
    mem,
    sync::atomic::{AtomicPtr, Ordering},
};

use libc::{
    addrinfo, c_int, c_void, clockid_t, iovec, msghdr, off64_t, size_t, sockaddr, socklen_t,
    ssize_t, timespec,
};

/// The function of that name that stands behind ours, as a function of our own.
macro_rules! behind {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {$(
        #[doc = concat!("# Safety\nAs `", stringify!($name), "(2)`.")]
        pub(crate) unsafe fn $name($($argument: $kind),*) -> $result {
            type Function = unsafe extern "C" fn($($kind),*) -> $result;
            static FOUND: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
            let mut found = FOUND.load(Ordering::Relaxed);
            if found.is_null() {
                let name = concat!(stringify!($name), "\0");
                // SAFETY: the name ends with its zero.
                found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast()) };
                assert!(!found.is_null(), "libc has no {name}");
                FOUND.store(found, Ordering::Relaxed);
            }
            // SAFETY: the signature is that of libc's documentation; the arguments are the caller's.
            unsafe { mem::transmute::<*mut c_void, Function>(found)($($argument),*) }
        }
    )*};
}

behind! {
    pwrite64(fd: c_int, bytes: *const c_void, length: size_t, offset: off64_t) -> ssize_t;
    write(fd: c_int, bytes: *const c_void, length: size_t) -> ssize_t;
    writev(fd: c_int, pieces: *const iovec, count: c_int) -> ssize_t;
    send(fd: c_int, bytes: *const c_void, length: size_t, flags: c_int) -> ssize_t;
    sendto(fd: c_int, bytes: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, to_length: socklen_t) -> ssize_t;
    sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t;
    clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int;
    getaddrinfo(name: *const c_char, service: *const c_char, hints: *const addrinfo, found: *mut *mut addrinfo) -> c_int;
    fsync(fd: c_int) -> c_int;
    fdatasync(fd: c_int) -> c_int;
    ftruncate64(fd: c_int, length: off64_t) -> c_int;
}

/// Whether a descriptor is a socket's.
pub(crate) fn is_socket(fd: c_int) -> bool {
    // SAFETY: the structure is the kernel's to fill.
    let mut status = unsafe { mem::zeroed::<libc::stat64>() };
    // SAFETY: it is ours, and large enough.
    let done = unsafe { libc::fstat64(fd, &raw mut status) };
    done == 0 && status.st_mode & libc::S_IFMT == libc::S_IFSOCK
}

/// The path of a file, `tcp` or `unix` for a socket.
pub(crate) fn target(fd: c_int) -> Option<String> {
    if is_socket(fd) {
        return family(fd).map(str::to_owned);
    }
    let path = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    Some(path.to_string_lossy().into_owned())
}

fn family(fd: c_int) -> Option<&'static str> {
    // SAFETY: the structure is the kernel's to fill.
    let mut address = unsafe { mem::zeroed::<libc::sockaddr_storage>() };
    let mut length = socklen_t::try_from(mem::size_of_val(&address)).ok()?;
    // SAFETY: it is ours, and its length is told.
    let done = unsafe { libc::getsockname(fd, (&raw mut address).cast(), &raw mut length) };
    match c_int::from(address.ss_family) {
        _ if done != 0 => None,
        libc::AF_INET | libc::AF_INET6 => Some("tcp"),
        libc::AF_UNIX => Some("unix"),
        _ => None,
    }
}

/// The answer of a call that failed.
pub(crate) fn fail(errno: c_int) -> ssize_t {
    // SAFETY: the place is this thread's own.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// Ends the process as a loss of its machine would.
pub(crate) fn kill() -> ! {
    loop {
        // SAFETY: a signal to ourselves.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}
