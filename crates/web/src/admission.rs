//! Who is let in while there is more to do than can be done: what costs nothing to ask again later goes first, and
//! whoever ends something is let in last of all (RELIABILITY §6).
//!
//! Who asks for credentials is counted apart: they may wait for an STS, and how long that takes says nothing of this
//! server (RES-08).

use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests that are handled at one time, for each processor: some 50 ms of work.
const PER_PROCESSOR: usize = 512;

/// What a request is worth under overload, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Registration,
    Start,
    Authorize,
    Poll,
    List,
    SignIn,
    Refresh,
    Credentials,
    End,
}

impl Rank {
    /// How much of what can be handled may be taken when such a request is let in, in per cent.
    const fn share(self) -> usize {
        60 + 5 * self as usize
    }
}

/// Counts what is being handled.
#[derive(Debug)]
pub struct Admission {
    most: usize,
    handled: AtomicUsize,
    /// Those that may wait for an STS.
    waiting: AtomicUsize,
}

/// Somebody who was let in, until they are answered.
pub(crate) struct Admitted<'a>(&'a AtomicUsize);

impl Admission {
    /// So many at one time.
    pub const fn of(most: usize) -> Self {
        Self {
            most,
            handled: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Lets a request in, or nobody of its rank while so many are.
    pub(crate) fn admit(&self, rank: Rank) -> Option<Admitted<'_>> {
        let room = self.most * rank.share() / 100;
        let (count, has_room) = if rank == Rank::Credentials {
            let handled = self.handled.load(Ordering::Relaxed);
            (&self.waiting, handled < room)
        } else {
            (&self.handled, true)
        };
        let before = count.fetch_add(1, Ordering::Relaxed);
        let admitted = Admitted(count);
        (has_room && before < room).then_some(admitted)
    }
}

impl Default for Admission {
    /// As many as this machine can handle at one time.
    fn default() -> Self {
        let processors = std::thread::available_parallelism();
        Self::of(PER_PROCESSOR * processors.map_or(1, usize::from))
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_goes_when_all_room_is_taken_and_everybody_comes_back_with_room() {
        let admission = Admission::of(20);
        let held: Vec<_> = (0..20).map_while(|_| admission.admit(Rank::End)).collect();
        assert_eq!(held.len(), 20);
        assert!(admission.admit(Rank::End).is_none());
        assert!(admission.admit(Rank::Credentials).is_none());
        drop(held);
        let held: Vec<_> = (0..20)
            .map_while(|_| admission.admit(Rank::Registration))
            .collect();
        assert_eq!(held.len(), 12, "60 % of it");
        assert!(admission.admit(Rank::Start).is_some());
        // They may wait for others, and take nobody's room but their own.
        let waiting: Vec<_> = (0..20)
            .map_while(|_| admission.admit(Rank::Credentials))
            .collect();
        assert_eq!(waiting.len(), 19, "95 % of it");
        assert!(admission.admit(Rank::Start).is_some());
        drop(waiting);
        assert!(admission.admit(Rank::Credentials).is_some());
    }
}
