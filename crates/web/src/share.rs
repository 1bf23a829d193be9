//! How much of something each network has, so that none has all of it.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use claviger_model::network::NetworkPrefix;

/// Of so many places, those that one network may have: the others find one whatever it does.
pub(crate) const fn of_one(places: usize) -> usize {
    places - places / 4
}

/// Counts what each network has.
#[derive(Debug, Default)]
pub(crate) struct Shares(Mutex<HashMap<NetworkPrefix, usize>>);

/// A place of a network, until it is left.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Arc<Shares>,
    network: NetworkPrefix,
}

impl Shares {
    /// A further place for `network`, unless it has `most` already; the first it has in any case.
    pub(crate) fn take(self: &Arc<Self>, network: NetworkPrefix, most: usize) -> Option<Share> {
        let mut taken = self.taken();
        let count = taken.entry(network).or_default();
        // A network is in the table because it has a place, or is given its first.
        if *count >= most.max(1) {
            return None;
        }
        *count += 1;
        Some(Share {
            shares: Arc::clone(self),
            network,
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<NetworkPrefix, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.shares.taken().entry(self.network) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u8) -> NetworkPrefix {
        NetworkPrefix::of([192, 0, number, 1].into())
    }

    #[test]
    fn no_network_takes_all_and_what_is_left_can_be_taken_again() {
        let shares = Arc::<Shares>::default();
        let mut first: Vec<_> = (0..9)
            .map_while(|_| shares.take(network(1), of_one(8)))
            .collect();
        assert_eq!(first.len(), 6, "three quarters of eight");
        let second = shares.take(network(2), of_one(8)).expect("of another");
        drop(first.pop());
        assert!(shares.take(network(1), of_one(8)).is_some());
        drop((first, second));
        assert_eq!(shares.taken().len(), 0, "nothing is kept of who has left");
        assert_eq!(of_one(1), 1);
    }
}
