//! Who is let in while there is more to do than can be done: what costs nothing to ask again later goes first, and
//! whoever ends something is let in last of all (RELIABILITY §6). No network takes so much that the others have nothing, and
//! those who are in begin in turn.
//!
//! Who asks for credentials is counted apart: they may wait for an STS, and how long that takes says nothing of this
//! server (RES-08).

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use claviger_model::network::NetworkPrefix;

use crate::{
    share::{self, Share, Shares},
    turn::Turns,
};

/// Requests that are handled at one time, for each processor: some 50 ms of work.
const PER_PROCESSOR: usize = 1024;

/// At most, however many processors there are: what one network may have is then less than the store lets wait.
const MOST: usize = 8192;

/// What is let in while that much of it is taken, in per cent, whatever it is worth.
const LEAST: usize = 60;

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
        LEAST + 5 * self as usize
    }
}

/// Counts what is being handled.
#[derive(Debug)]
pub struct Admission {
    most: usize,
    handled: Requests,
    /// Those that may wait for an STS.
    waiting: Requests,
    turns: Turns,
}

/// How many there are, and of which networks.
#[derive(Debug, Default)]
struct Requests {
    count: AtomicUsize,
    networks: Arc<Shares>,
}

/// Somebody who was let in, until they are answered.
pub(crate) struct Admitted<'a> {
    _place: Place<'a>,
    _share: Share,
    turns: &'a Turns,
    network: NetworkPrefix,
}

/// One more of a count, until it is left.
struct Place<'a>(&'a AtomicUsize);

impl Admission {
    /// So many at one time, on one processor.
    pub fn of(most: usize) -> Self {
        Self {
            most,
            handled: Requests::default(),
            waiting: Requests::default(),
            turns: Turns::of(1),
        }
    }

    /// Lets a request in, or nobody of its rank while so many are. One network, whatever it asks for, leaves room for the
    /// least that others ask for.
    pub(crate) fn admit(&self, rank: Rank, network: NetworkPrefix) -> Option<Admitted<'_>> {
        let room = self.most * rank.share() / 100;
        let (requests, has_room) = if rank == Rank::Credentials {
            let handled = self.handled.count.load(Ordering::Relaxed);
            (&self.waiting, handled < room)
        } else {
            (&self.handled, true)
        };
        let before = requests.count.fetch_add(1, Ordering::Relaxed);
        let place = Place(&requests.count);
        if !has_room || before >= room {
            return None;
        }
        Some(Admitted {
            _place: place,
            _share: requests
                .networks
                .take(network, share::of_one(self.most * LEAST / 100))?,
            turns: &self.turns,
            network,
        })
    }
}

impl Admitted<'_> {
    /// Goes on with the work for it to its end, from when it is its network's turn to begin something.
    pub(crate) async fn work<T>(&self, work: Pin<&mut impl Future<Output = T>>) -> T {
        self.turns.begin(self.network, work).await
    }
}

impl Default for Admission {
    /// As many as this machine can handle at one time.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            turns: Turns::of(processors),
            ..Self::of(MOST.min(PER_PROCESSOR * processors))
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u8) -> NetworkPrefix {
        NetworkPrefix::of([192, 0, number, 1].into())
    }

    /// As many as are let in, of twenty who come from networks of their own.
    fn twenty(admission: &Admission, rank: Rank) -> Vec<Admitted<'_>> {
        let twenty = (0..20).map_while(|number| admission.admit(rank, network(number)));
        twenty.collect()
    }

    #[test]
    fn the_last_one_goes_when_all_room_is_taken_and_everybody_comes_back_with_room() {
        let admission = Admission::of(20);
        let held = twenty(&admission, Rank::End);
        assert_eq!(held.len(), 20);
        assert!(admission.admit(Rank::End, network(20)).is_none());
        assert!(admission.admit(Rank::Credentials, network(20)).is_none());
        drop(held);
        let held = twenty(&admission, Rank::Registration);
        assert_eq!(held.len(), 12, "60 % of it");
        assert!(admission.admit(Rank::Start, network(20)).is_some());
        // They may wait for others, and take nobody's room but their own.
        let waiting = twenty(&admission, Rank::Credentials);
        assert_eq!(waiting.len(), 19, "95 % of it");
        assert!(admission.admit(Rank::Start, network(20)).is_some());
        drop(waiting);
        assert!(admission.admit(Rank::Credentials, network(20)).is_some());
    }

    #[test]
    fn nobody_waits_behind_more_than_can_be_done_in_a_moment() {
        let most = Admission::default().most;
        assert!((1_000..=10_000).contains(&most), "{most}");
    }

    #[test]
    fn one_network_leaves_a_quarter_to_the_others() {
        for rank in [Rank::Registration, Rank::End, Rank::Credentials] {
            let admission = Admission::of(20);
            let held: Vec<_> = (0..20)
                .map_while(|_| admission.admit(rank, network(1)))
                .collect();
            assert_eq!(held.len(), 9, "three quarters of twelve, for {rank:?}");
            for other in [Rank::Registration, Rank::Poll, Rank::Credentials, Rank::End] {
                let admitted = admission.admit(other, network(2));
                assert!(admitted.is_some(), "{other:?} beside {rank:?}");
            }
        }
    }

    #[test]
    fn res_08_who_waits_for_an_sts_takes_nothing_else_from_their_network() {
        let admission = Admission::of(20);
        let waiting: Vec<_> = (0..20)
            .map_while(|_| admission.admit(Rank::Credentials, network(1)))
            .collect();
        assert_eq!(waiting.len(), 9);
        assert!(admission.admit(Rank::List, network(1)).is_some());
    }
}
