//! Who begins next while the processors are busy: one of each network in turn, so that whoever asks a thousand things at
//! once waits behind those who ask for one.
//!
//! A turn is the right to begin. It ends where the work first waits for something else, such as a commit: what is waited
//! for there has queues of its own.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use claviger_model::network::NetworkPrefix;
use tokio::sync::oneshot;

/// Turns for each processor: so many that none of them waits for the next to be given.
const PER_PROCESSOR: usize = 4;

/// Gives turns.
#[derive(Debug)]
pub(crate) struct Turns {
    processors: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Turns that are given and have not ended. While somebody waits, all of them are.
    given: usize,
    /// Networks of which somebody waits, whose turn is next first; each is there once.
    order: VecDeque<NetworkPrefix>,
    /// Who waits of each of these, who came first first.
    waiting: HashMap<NetworkPrefix, VecDeque<oneshot::Sender<Turn>>>,
}

/// A turn that was given. When it ends, the next one has it.
#[derive(Debug)]
struct Turn(Arc<Mutex<State>>);

impl Turns {
    /// For so many processors.
    pub(crate) fn of(processors: usize) -> Self {
        let state = Arc::default();
        Self { processors, state }
    }

    /// Begins `work` when it is its network's turn, and then goes on with it to its end.
    pub(crate) async fn begin<T>(
        &self,
        network: NetworkPrefix,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        let mut turn = self.take(network).await;
        poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            turn = None;
            polled
        })
        .await
    }

    async fn take(&self, network: NetworkPrefix) -> Option<Turn> {
        let given = {
            let mut state = lock(&self.state);
            if state.given == self.processors * PER_PROCESSOR {
                Err(state.wait(network))
            } else {
                state.given += 1;
                Ok(state.given)
            }
        };
        match given {
            Ok(given) => {
                let turn = Turn(Arc::clone(&self.state));
                // Every processor may be at work: whoever else has asked by now gets in line first.
                if given >= self.processors {
                    tokio::task::yield_now().await;
                }
                Some(turn)
            }
            // The other end is not let go without a turn.
            Err(turn) => turn.await.ok(),
        }
    }
}

impl State {
    /// The end of the line of a network.
    fn wait(&mut self, network: NetworkPrefix) -> oneshot::Receiver<Turn> {
        let (give, turn) = oneshot::channel();
        let waiting = self.waiting.entry(network).or_default();
        if waiting.is_empty() {
            self.order.push_back(network);
        }
        waiting.push_back(give);
        turn
    }

    /// Whoever is next and has not hung up.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(network) = self.order.pop_front() {
            let Entry::Occupied(mut waiting) = self.waiting.entry(network) else {
                continue;
            };
            let line = waiting.get_mut();
            let next = std::iter::from_fn(|| line.pop_front()).find(|next| !next.is_closed());
            if line.is_empty() {
                waiting.remove();
            } else {
                self.order.push_back(network);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = lock(&self.0);
            let next = state.next();
            if next.is_none() {
                state.given -= 1;
            }
            next
        };
        if let Some(next) = next {
            // Whoever has hung up since lets it go again.
            let _ = next.send(Self(Arc::clone(&self.0)));
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::{FutureExt as _, future::join_all};

    use super::*;

    fn network(number: u8) -> NetworkPrefix {
        NetworkPrefix::of([192, 0, number, 1].into())
    }

    /// The networks whose work was begun, in that order, of those who come in this one.
    async fn begun(turns: &Turns, come: Vec<u8>) -> Vec<u8> {
        let begun = Mutex::new(Vec::new());
        let all = come.into_iter().map(async |number| {
            let work = pin!(async { begun.lock().expect("a list").push(number) });
            turns.begin(network(number), work).await;
        });
        join_all(all).await;
        begun.into_inner().expect("a list")
    }

    #[tokio::test]
    async fn networks_take_turns_however_much_each_asks() {
        let turns = Turns::of(1);
        // Four begin at once; behind them a crowd of one network, and then three others.
        let come = [vec![1; 100], vec![2, 3, 2]].concat();
        let begun = begun(&turns, come).await;
        assert_eq!(begun.len(), 103);
        assert_eq!(&begun[..11], [1, 1, 1, 1, 1, 2, 3, 1, 2, 1, 1]);
        let state = lock(&turns.state);
        assert_eq!(
            (state.given, state.order.len(), state.waiting.len()),
            (0, 0, 0)
        );
    }

    #[tokio::test]
    async fn a_turn_ends_where_its_work_waits() {
        let turns = Turns::of(1);
        let waits = join_all((0..50).map(async |_| {
            let work = pin!(std::future::pending::<()>());
            turns.begin(network(1), work).await;
        }));
        let mut waits = pin!(waits);
        while lock(&turns.state).given != 0 || !lock(&turns.state).order.is_empty() {
            assert!((&mut waits).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        assert_eq!(begun(&turns, vec![2]).await, [2]);
    }

    #[test]
    fn who_has_hung_up_does_not_cost_their_network_its_turn() {
        let mut state = State::default();
        let first = state.wait(network(1));
        let gone = [state.wait(network(2)), state.wait(network(2))];
        let second = state.wait(network(2));
        let third = state.wait(network(1));
        drop(gone);
        for waits in [first, second, third] {
            let next = state.next().expect("somebody waits");
            drop(waits);
            assert!(next.is_closed(), "somebody else was next");
        }
        assert!(state.next().is_none() && state.waiting.is_empty());
    }

    #[tokio::test]
    async fn who_hangs_up_holds_no_turn() {
        let turns = Turns::of(1);
        for polls in 0..4 {
            let work = join_all((0..20).map(async |_| {
                turns.begin(network(1), pin!(async {})).await;
            }));
            let mut work = Box::pin(work);
            for _ in 0..polls {
                let _ = (&mut work).now_or_never();
            }
            drop(work);
            assert_eq!(begun(&turns, vec![2; 9]).await.len(), 9, "after {polls}");
            assert_eq!(lock(&turns.state).given, 0);
        }
    }
}
